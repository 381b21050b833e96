//! The web pages are embedded from where the web build puts them; a server can be built without them.

use std::{fs, path::Path};

fn main() {
    for folder in ["../../web/console/dist", "../../web/demo/dist"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        if let Err(error) = fs::create_dir_all(&path) {
            println!("cargo::warning={} cannot be made: {error}", path.display());
        }
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
