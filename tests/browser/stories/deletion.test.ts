import { expect } from 'vitest';
import { story } from '../support/world';

story('Alice deletes a conversation and its history; Bob keeps his', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  await bob.startChat('alice');
  for (const text of ['one', 'two', 'three']) await bob.say(text);
  await alice.open('C2Cbob');
  await alice.expectMessages(['one', 'two', 'three']);

  await alice.chooseFromMenu('C2Cbob', 'delete');
  await expect.poll(() => alice.dialog.textContent()).toContain('3 messages are cleared from your view');
  await expect.poll(() => alice.dialog.textContent()).toContain('Only your own view changes');
  await alice.confirmDeletion('clear');
  await alice.undoBar.getByText('1 conversation deleted').waitFor();
  await alice.row('C2Cbob').waitFor({ state: 'detached' });
  await alice.page.getByText('Choose a conversation').waitFor();

  await bob.expectMessages(['one', 'two', 'three']);
  await bob.row('C2Calice').waitFor();

  await bob.say('four');
  await alice.expectUnread('C2Cbob', 1);
  await alice.open('C2Cbob');
  await alice.expectMessages(['four']);
});

story('a deleted conversation stays deleted after the next sign-in', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  await bob.startChat('alice');
  await bob.say('hello');
  await alice.row('C2Cbob').waitFor();
  await alice.deletes('C2Cbob', 'clear');
  await alice.page.reload();
  await alice.page.getByTestId('empty-list').waitFor();
});

story('Alice deletes several, keeping their history; a newer message brings one back with it', async ({ world }) => {
  const alice = await world.enter('alice');
  const friends = [];
  for (const name of ['bob', 'carol', 'dave']) {
    const friend = await world.enter(name);
    await friend.startChat('alice');
    await friend.say(`first from ${name}`);
    await friend.say(`second from ${name}`);
    await alice.expectUnread(`C2C${name}`, 2);
    friends.push(friend);
  }

  await alice.page.getByTestId('select').click();
  await alice.page.getByTestId('select-all').click();
  await expect.poll(() => alice.page.getByTestId('selection').textContent()).toBe('3 selected');
  await alice.page.getByTestId('delete-selected').click();
  await expect.poll(() => alice.dialog.textContent()).toContain('Delete 3 conversations?');
  await alice.confirmDeletion('keep');
  await alice.undoBar.getByText('3 conversations deleted').waitFor();
  await alice.page.getByTestId('empty-list').waitFor();

  await friends[0]?.say('third from bob');
  await alice.expectUnread('C2Cbob', 1);
  await alice.open('C2Cbob');
  await alice.expectMessages(['first from bob', 'second from bob', 'third from bob']);
  expect(await alice.list.count()).toBe(1);
});

story('the keyboard alone deletes a conversation', async ({ world }) => {
  const bob = await world.enter('bob');
  const carol = await world.enter('carol');
  const alice = await world.enter('alice');
  for (const friend of [carol, bob]) {
    await friend.startChat('alice');
    await friend.say('hello');
    await alice.row(`C2C${friend.userID}`).waitFor();
  }
  await alice.row('C2Cbob').focus();
  await alice.page.keyboard.press('Delete');
  await alice.dialog.waitFor();
  await expect.poll(() => alice.page.evaluate(() => document.querySelector('[role=dialog]')?.contains(document.activeElement))).toBe(true);
  await alice.page.keyboard.press('Escape');
  await alice.dialog.waitFor({ state: 'hidden' });
  await alice.row('C2Cbob').waitFor();

  await alice.row('C2Cbob').focus();
  await alice.page.keyboard.press('Delete');
  await alice.page.getByTestId('confirm-delete').focus();
  await alice.page.keyboard.press('Enter');
  await alice.row('C2Cbob').waitFor({ state: 'detached' });
  // The keyboard goes on with the next conversation.
  await expect.poll(() => alice.page.evaluate(() => document.activeElement?.getAttribute('data-conversation'))).toBe('C2Ccarol');
  await alice.page.keyboard.press('Shift+F10');
  await alice.page.locator('[data-action="delete"]').focus();
  await alice.page.keyboard.press('Enter');
  await alice.page.getByTestId('confirm-delete').focus();
  await alice.page.keyboard.press('Enter');
  await alice.page.getByTestId('empty-list').waitFor();
});

story('friends stay friends after their conversation is deleted', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  await alice.page.getByTestId('friends').click();
  await alice.page.getByTestId('friend-id').fill('bob');
  await alice.page.getByTestId('friend-id').press('Enter');
  await alice.page.locator('[data-person="bob"]').waitFor();
  await alice.page.keyboard.press('Escape');
  await alice.dialog.waitFor({ state: 'hidden' });

  await bob.startChat('alice');
  await bob.say('hello');
  await alice.row('C2Cbob').waitFor();
  await alice.deletes('C2Cbob', 'clear');
  await alice.page.getByTestId('friends').click();
  await alice.page.locator('[data-person="bob"]').waitFor();
});

story('notices are deleted like any conversation, and newer ones come alone', async ({ world }) => {
  const alice = await world.enter('alice');
  await alice.createGroup('First', 'work', []);
  await alice.row('@TIM#SYSTEM').waitFor();
  await alice.deletes('@TIM#SYSTEM', 'clear');
  await alice.createGroup('Second', 'work', []);
  await alice.open('@TIM#SYSTEM');
  await expect.poll(() => alice.page.getByTestId('notice').locator('p').first().textContent()).toBe('You created Second.');
  expect(await alice.page.getByTestId('notice').count()).toBe(1);
});

story('of many conversations, one call deletes the first hundred', async ({ world }) => {
  const rest = await world.rest();
  await rest.createUser('alice');
  const senders = Array.from({ length: 250 }, (_, index) => `sender-${index}`);
  await Promise.all(
    senders.map(async (sender) => {
      await rest.createUser(sender);
      await rest.send(sender, 'alice', `Hello from ${sender}`);
    }),
  );
  const alice = await world.enter('alice');
  // However long the list, the page holds the rows on screen and a few around them.
  expect(await alice.list.count()).toBeLessThan(40);
  await alice.list.first().focus();
  await alice.page.keyboard.press('End');
  await expect.poll(() => alice.page.evaluate(() => document.activeElement?.getAttribute('data-index'))).toBe('249');

  await alice.page.getByTestId('select').click();
  await alice.page.getByTestId('select-all').click();
  await expect.poll(() => alice.page.getByTestId('selection').textContent()).toBe('At most 100 can be deleted at once.');
  await alice.page.getByTestId('delete-selected').click();
  await expect.poll(() => alice.dialog.textContent()).toContain('Delete 100 conversations?');
  await alice.confirmDeletion('clear');
  await alice.undoBar.getByText('100 conversations deleted').waitFor();
  await alice.list.first().focus();
  await alice.page.keyboard.press('End');
  await expect.poll(() => alice.page.evaluate(() => document.activeElement?.getAttribute('data-index'))).toBe('149');
});
