import { expect } from 'vitest';
import { violations } from '../support/accessibility';
import { artifact } from '../support/browser';
import type { Person } from '../support/person';
import type { World } from '../support/world';
import { story } from '../support/world';

/** Bob and Carol have written to Alice, who has read nothing yet. */
async function aliceWithTwo(world: World, options: Parameters<World['enter']>[1] = {}): Promise<{ alice: Person; bob: Person }> {
  const alice = await world.enter('alice', options);
  const bob = await world.enter('bob');
  const carol = await world.enter('carol');
  for (const friend of [carol, bob]) await friend.startChat('alice');
  for (const text of ['one', 'two', 'three']) await bob.say(text);
  await carol.say('hello');
  await alice.expectUnread('C2Cbob', 3);
  await alice.expectUnread('C2Ccarol', 1);
  return { alice, bob };
}

story('a deletion is undone with the button, and all is as it was', async ({ world }) => {
  const { alice } = await aliceWithTwo(world);
  await alice.deletes('C2Cbob', 'clear');
  await alice.undoBar.getByText('1 conversation deleted').waitFor();
  expect(await alice.page.getByTestId('undo-status').textContent()).toBe('1 conversation deleted. Ctrl+Z undoes it.');
  // It waits while somebody points at it.
  await alice.undoBar.hover();
  await alice.page.getByTestId('undo').click();
  await alice.expectUnread('C2Cbob', 3);
  await alice.undoBar.waitFor({ state: 'detached' });
  await alice.open('C2Cbob');
  await alice.expectMessages(['one', 'two', 'three']);
});

story('many are undone by the keyboard, also what came since', async ({ world }) => {
  const { alice, bob } = await aliceWithTwo(world);
  await alice.page.getByTestId('select').click();
  await alice.page.getByTestId('select-all').click();
  await alice.page.getByTestId('delete-selected').click();
  await alice.confirmDeletion('clear');
  await alice.undoBar.getByText('2 conversations deleted').waitFor();
  await bob.say('four');
  await alice.expectUnread('C2Cbob', 1);
  await alice.page.keyboard.press('Control+z');
  await alice.expectUnread('C2Cbob', 4);
  await alice.expectUnread('C2Ccarol', 1);
});

story('a field that somebody writes in keeps its own undoing', async ({ world }) => {
  const { alice } = await aliceWithTwo(world);
  await alice.open('C2Ccarol');
  await alice.deletes('C2Cbob', 'keep');
  await alice.undoBar.waitFor();
  await alice.composer.fill('unfinished');
  await alice.page.keyboard.press('Control+z');
  expect(await alice.row('C2Cbob').count()).toBe(0);
  await alice.composer.fill('');
  await alice.page.keyboard.press('Control+z');
  await alice.row('C2Cbob').waitFor();
});

story('a history that was cleared comes back where it is read', async ({ world }) => {
  const { alice } = await aliceWithTwo(world);
  await alice.open('C2Cbob');
  await alice.expectMessages(['one', 'two', 'three']);
  await alice.openDetails();
  await alice.page.getByRole('button', { name: 'Clear history' }).click();
  await alice.page.locator('.el-popconfirm:visible .el-button--danger').click();
  await alice.expectMessages([]);
  await alice.undoBar.getByText('History cleared').waitFor();
  await alice.page.getByTestId('undo').click();
  await alice.expectMessages(['one', 'two', 'three']);
});

story('the undo bar goes by itself', async ({ world }) => {
  const { alice } = await aliceWithTwo(world, { reducedMotion: 'reduce' });
  await alice.deletes('C2Cbob', 'clear');
  await alice.undoBar.waitFor();
  await alice.undoBar.waitFor({ state: 'detached' });
  expect(await alice.page.getByTestId('undo-status').textContent()).toBe('');
});

story('the dialogue says what the server would do, and does nothing yet', async ({ world }) => {
  const { alice } = await aliceWithTwo(world);
  await alice.chooseFromMenu('C2Cbob', 'delete');
  const words = alice.page.getByTestId('consequences');
  await expect.poll(() => words.textContent()).toMatch(/Goes from view: 3 messages, \d+ bytes\./);
  const text = await words.textContent();
  expect(text).toContain('This can be undone for 24 hours.');
  expect(text).toContain('A newer message brings its conversation back');
  expect(text).toContain('Only this device is online');
  expect(await alice.page.getByTestId('for-everyone').count()).toBe(0);
  await alice.page.getByTestId('keep-history').check();
  await expect.poll(() => words.textContent()).not.toContain('Goes from view');
  await alice.page.keyboard.press('Escape');
  await alice.dialog.waitFor({ state: 'hidden' });
  await alice.expectUnread('C2Cbob', 3);
});

story('where the app allows it, a history goes for everyone, for good', async ({ world }) => {
  const rest = await world.rest();
  await rest.settings({ DeleteForEveryone: 'all' });
  const { alice, bob } = await aliceWithTwo(world);
  await bob.expectMessages(['one', 'two', 'three']);
  await alice.chooseFromMenu('C2Cbob', 'delete');
  await alice.page.getByTestId('for-everyone').click();
  const words = alice.page.getByTestId('consequences');
  await expect.poll(() => words.textContent()).toContain('This cannot be undone.');
  expect(await words.textContent()).toContain('Everyone in it loses the messages: 2 people.');
  expect(await violations(alice.page)).toEqual([]);
  await alice.page.screenshot({ path: artifact('delete dialogue for everyone') });
  await alice.page.getByTestId('confirm-delete').click();
  await alice.dialog.waitFor({ state: 'hidden' });
  await alice.row('C2Cbob').waitFor({ state: 'detached' });
  expect(await alice.undoBar.count()).toBe(0);
  await bob.expectMessages([]);
});

story('own messages go for everyone, and a quiet line says that they were there', async ({ world }) => {
  const rest = await world.rest();
  await rest.settings({ DeleteForEveryone: 'own-messages' });
  const { alice, bob } = await aliceWithTwo(world);
  await alice.open('C2Cbob');
  await alice.say('mine');
  await bob.message('mine').waitFor();
  await alice.chooseFromMenu('C2Cbob', 'delete');
  await alice.page.getByTestId('for-everyone').click();
  await alice.page.getByTestId('confirm-delete').click();
  await alice.dialog.waitFor({ state: 'hidden' });
  await expect.poll(() => bob.page.getByTestId('tombstone').textContent()).toContain('Message deleted');
  await bob.expectMessages(['one', 'two', 'three']);
  await expect.poll(() => bob.row('C2Calice').textContent()).toContain('Message deleted');
  expect(await violations(bob.page)).toEqual([]);
  await bob.page.screenshot({ path: artifact('message deleted') });
});

story('what is archived is found again, and comes back with a newer message', async ({ world }) => {
  const { alice, bob } = await aliceWithTwo(world);
  await alice.chooseFromMenu('C2Cbob', 'archive');
  await alice.row('C2Cbob').waitFor({ state: 'detached' });
  await expect.poll(() => alice.page.title()).toBe('(1) Lethe');
  await alice.page.getByTestId('archive').click();
  await alice.row('C2Cbob').waitFor();
  expect(await alice.list.count()).toBe(1);
  expect(await violations(alice.page)).toEqual([]);
  await alice.page.screenshot({ path: artifact('archive') });
  await alice.open('C2Cbob');
  await alice.expectMessages(['one', 'two', 'three']);
  await alice.page.getByTestId('archive-back').click();
  await alice.row('C2Ccarol').waitFor();

  await bob.say('four');
  await alice.row('C2Cbob').waitFor();
  await expect.poll(() => alice.page.getByTestId('archive').count()).toBe(0);
  await alice.chooseFromMenu('C2Cbob', 'archive');
  await alice.page.reload();
  await alice.page.getByTestId('archive').click();
  await alice.chooseFromMenu('C2Cbob', 'archive');
  await alice.page.getByTestId('archive-back').waitFor({ state: 'detached' });
  await alice.row('C2Cbob').waitFor();
});

story('pressed without a connection, a deletion is shown at once and done later', async ({ world }) => {
  const { alice, bob } = await aliceWithTwo(world);
  await alice.context.setOffline(true);
  await world.restartServer();
  await alice.page.getByTestId('net-state').waitFor();
  await alice.chooseFromMenu('C2Cbob', 'delete');
  await alice.confirmDeletion('clear');
  await alice.row('C2Cbob').waitFor({ state: 'detached' });
  await alice.undoBar.getByText('1 conversation will be deleted once you are online').waitFor();
  await alice.context.setOffline(false);
  await alice.page.getByTestId('net-state').waitFor({ state: 'detached' });
  await bob.say('four');
  await alice.expectUnread('C2Cbob', 1);
  await alice.open('C2Cbob');
  await alice.expectMessages(['four']);
});

for (const [name, options] of [
  ['light', {}],
  ['dark', { colorScheme: 'dark' }],
  ['zh', { locale: 'zh-CN' }],
  ['ja', { locale: 'ja-JP' }],
  ['phone', { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }],
] as const) {
  story(`the undo bar has its place, ${name}`, async ({ world }) => {
    const { alice } = await aliceWithTwo(world, options);
    await alice.chooseFromMenu('C2Cbob', 'delete');
    await alice.page.locator('[data-line="undo"]').waitFor();
    await alice.page.screenshot({ path: artifact(`dry run ${name}`), animations: 'disabled' });
    await alice.confirmDeletion('clear');
    await alice.undoBar.hover();
    expect(await violations(alice.page)).toEqual([]);
    await alice.page.screenshot({ path: artifact(`undo bar ${name}`) });
    expect(await alice.page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth)).toBe(false);
  });
}
