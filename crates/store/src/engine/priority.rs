//! Work that nobody waits for gives way to work that somebody does.

use rustix::process::{Pid, getpriority_process, setpriority_process};

/// Steps of niceness: a core that both want goes to the others three times as long, and at once when they wake.
const STEPS: i32 = 5;
/// Niceness ends here.
const NICEST: i32 = 19;

/// Has this process's threads of these names give way to the calling one. Where the system does not list or change them, nothing
/// happens.
pub(super) fn lower(names: &[&str]) {
    let Ok(ours) = getpriority_process(None) else { return };
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let number = task.file_name().to_str().and_then(|number| number.parse().ok());
        let thread = number.and_then(Pid::from_raw).filter(|_| names.contains(&name.trim_end()));
        if thread.is_some()
            && let Err(error) = setpriority_process(thread, (ours + STEPS).min(NICEST))
        {
            tracing::debug!(%error, "a thread keeps its priority");
        }
    }
}

/// Has the calling thread run only while nobody else wants its core, and for good: without a privilege there is no way back. Where
/// the system knows no such thing, nothing happens.
pub(super) fn idle() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
            thread_native_id,
        };
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
            tracing::debug!(%error, "a thread keeps its priority");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc::channel;

    use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};

    use super::*;

    #[test]
    fn a_thread_of_that_name_gives_way_and_no_other_does() {
        let ours = getpriority_process(None).unwrap();
        let niceness_of = |name: &str| {
            let ((begin, begun), (tell, told)) = (channel::<()>(), channel());
            let thread = std::thread::Builder::new().name(name.to_owned());
            let thread = thread.spawn(move || {
                tell.send(getpriority_process(None)).unwrap();
                begun.recv().unwrap();
                tell.send(getpriority_process(None)).unwrap();
            });
            assert_eq!(told.recv().unwrap(), Ok(ours));
            lower(&["yields"]);
            begin.send(()).unwrap();
            thread.unwrap().join().unwrap();
            told.recv().unwrap().unwrap()
        };
        assert_eq!(niceness_of("yields"), (ours + STEPS).min(NICEST));
        assert_eq!(niceness_of("answers"), ours);
        assert_eq!(getpriority_process(None), Ok(ours));
    }

    #[test]
    fn an_idle_thread_is_idle_and_no_other_is() {
        let policy_of = |step: fn()| {
            let thread = std::thread::spawn(move || {
                step();
                thread_schedule_policy().unwrap()
            });
            thread.join().unwrap()
        };
        assert_eq!(policy_of(idle), ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle));
        assert_eq!(policy_of(|| ()), ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other));
    }
}
