import { expect } from 'vitest';
import { story } from '../support/world';

story('the operator logs in, after a wrong password', async ({ world }) => {
  const operator = await world.operator();
  await operator.arrive();
  await operator.logIn('not the password');
  await operator.page.getByText('That password is not right.').waitFor();
  await operator.logIn();
  await operator.page.getByTestId('onlineUsers').waitFor();
});

story('the overview counts who is on line', async ({ world }) => {
  const operator = await world.loggedInOperator();
  await expect.poll(() => operator.page.getByTestId('onlineUsers').textContent()).toBe('0');
  const alice = await world.enter('alice');
  await world.enter('bob');
  await expect.poll(() => operator.page.getByTestId('onlineUsers').textContent()).toBe('2');
  await alice.page.close();
  await expect.poll(() => operator.page.getByTestId('onlineUsers').textContent()).toBe('1');
});

story('the switch is found at the path that the documentation names, and is remembered', async ({ world }) => {
  const operator = await world.loggedInOperator();
  await operator.page.getByRole('link', { name: 'Multi-client Synchronization Settings' }).click();
  await expect
    .poll(() => operator.page.getByTestId('breadcrumb').first().locator('li').allTextContents())
    .toEqual([
      'Application Configuration',
      'Feature Configuration',
      'Login and Message',
      'Multi-client Synchronization Settings',
      'Sync Conversation Deletion Across Clients',
    ]);
  const control = operator.page.getByTestId('SyncConversationDeletion').getByRole('switch');
  await expect.poll(() => control.getAttribute('aria-checked')).toBe('false');
  await operator.turn('SyncConversationDeletion', 'on');
  await operator.page.reload();
  await expect.poll(() => control.getAttribute('aria-checked')).toBe('true');
});

story('a refused change is put back, with the reason', async ({ world }) => {
  const operator = await world.loggedInOperator();
  await operator.visit('multi-client-synchronization');
  const control = operator.page.getByTestId('SyncConversationDeletion').getByRole('switch');
  await expect.poll(() => control.getAttribute('aria-checked')).toBe('false');
  await operator.page.route('**/console/api/settings', (route) =>
    route.request().method() === 'PUT'
      ? route.fulfill({ status: 400, contentType: 'application/json', body: '{"code":50002,"message":"no"}' })
      : route.continue(),
  );
  await operator.page.getByTestId('SyncConversationDeletion').click();
  await operator.page.getByText('no (code 50002)').waitFor();
  await expect.poll(() => control.getAttribute('aria-checked')).toBe('false');
});

story('the secret key is hidden until it is asked for', async ({ world }) => {
  const operator = await world.loggedInOperator();
  await operator.visit('basic-information');
  await expect.poll(() => operator.page.getByTestId('sdkAppId').textContent()).toBe('1400000001');
  expect(await operator.page.content()).not.toContain('5bd2850fff3ecb11');
  await operator.page.getByRole('button', { name: 'Show' }).click();
  await expect.poll(() => operator.page.getByTestId('secretKey').textContent()).toContain('5bd2850fff3ecb11');
});

story('a session that has ended leads back to the log-in page', async ({ world }) => {
  const operator = await world.loggedInOperator();
  await operator.page.context().clearCookies();
  await operator.page.getByText('Your session has ended. Log in again to go on.').waitFor();
  await operator.logIn();
  await operator.page.getByTestId('onlineUsers').waitFor();
});

story('with the switch on, a deletion reaches the other window; with it off, it does not', async ({ world }) => {
  const operator = await world.loggedInOperator();
  await operator.allowWebInstances(2);
  const here = await world.enter('alice');
  const there = await world.enter('alice');
  const bob = await world.enter('bob');
  const carol = await world.enter('carol');
  await bob.startChat('alice');
  await carol.startChat('alice');

  await bob.say('off');
  for (const alice of [here, there]) await alice.row('C2Cbob').waitFor();
  await here.deletes('C2Cbob', 'clear');
  // What comes after shows that everything before has been heard.
  await carol.say('after the first deletion');
  await there.expectUnread('C2Ccarol', 1);
  expect(await there.row('C2Cbob').count()).toBe(1);

  await operator.visit('multi-client-synchronization');
  await operator.turn('SyncConversationDeletion', 'on');
  await bob.say('on');
  await here.row('C2Cbob').waitFor();
  await there.open('C2Cbob');
  await there.message('on').waitFor();
  await here.deletes('C2Cbob', 'clear');
  await there.row('C2Cbob').waitFor({ state: 'detached' });
  await there.page.getByText('Choose a conversation').waitFor();
});

story('a history that is cleared in one window is cleared in the other', async ({ world }) => {
  const operator = await world.loggedInOperator();
  await operator.allowWebInstances(2);
  const here = await world.enter('alice');
  const there = await world.enter('alice');
  const bob = await world.enter('bob');
  await bob.startChat('alice');
  await bob.say('before');
  for (const alice of [here, there]) {
    await alice.open('C2Cbob');
    await alice.expectMessages(['before']);
  }
  await here.openDetails();
  await here.page.getByRole('button', { name: 'Clear history' }).click();
  await here.page.locator('.el-popconfirm:visible .el-button--danger').click();
  for (const alice of [here, there]) await alice.expectMessages([]);
  await bob.say('after');
  for (const alice of [here, there]) await alice.expectMessages(['after']);
});

story('one window too many signs the first one out', async ({ world }) => {
  const first = await world.enter('alice');
  await world.enter('alice');
  await first.page.getByTestId('kicked').waitFor();
  await first.page.getByRole('button', { name: 'Sign in again as alice' }).click();
  await first.page.getByTestId('profile').waitFor();
});

story('a left group outlives the next sign-in only where the operator says so', async ({ world }) => {
  const operator = await world.loggedInOperator();
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  const leave = async (name: string) => {
    const group = await alice.createGroup(name, 'work', ['bob']);
    await alice.say(`Welcome to ${name}`);
    await bob.open(group);
    await bob.openDetails();
    await bob.pressAndConfirm('quit-group');
    await bob.page.getByTestId('left-notice').waitFor();
    await bob.dialog.waitFor({ state: 'hidden' });
    await bob.page.goto(`${world.origin}/?user=bob`);
    await bob.row('@TIM#SYSTEM').waitFor();
    return group;
  };
  const gone = await leave('Summer');
  expect(await bob.row(gone).count()).toBe(0);
  await operator.visit('groups');
  await operator.turn('RetainLeftGroups', 'on');
  const kept = await leave('Autumn');
  await bob.row(kept).waitFor();
  await bob.open(kept);
  await bob.message('Welcome to Autumn').waitFor();
  await bob.page.getByTestId('left-notice').waitFor();
});

const closedStory = story.extend({ settings: { LETHE_DEMO: 'off' } });

closedStory('where the demo is turned off, its page says so and names the console', async ({ world }) => {
  const page = await world.window();
  await page.goto(`${world.origin}/?user=alice`);
  await page.getByTestId('sign-in-off').waitFor();
  await page.getByRole('link', { name: 'Open the console' }).click();
  await page.locator('#password').waitFor();
});
