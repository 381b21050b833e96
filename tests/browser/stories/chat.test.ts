import { expect } from 'vitest';
import { story } from '../support/world';

story('Alice and Bob talk in two windows', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');

  await alice.startChat('bob');
  await alice.say('Is the river high today?');
  await expect.poll(() => alice.message('Is the river high today?').locator('[data-delivery]').getAttribute('data-delivery')).toBe('delivered');

  await bob.expectUnread('C2Calice', 1);
  await expect.poll(() => bob.page.title()).toBe('(1) Lethe');
  await bob.open('C2Calice');
  await bob.expectMessages(['Is the river high today?']);
  await bob.expectUnread('C2Calice', 0);
  await expect.poll(() => alice.message('Is the river high today?').locator('[data-delivery]').getAttribute('data-delivery')).toBe('read');

  await bob.say('Higher than yesterday.');
  await alice.expectMessages(['Is the river high today?', 'Higher than yesterday.']);
});

story('Alice types into a dialogue that has just opened', async ({ world }) => {
  const alice = await world.enter('alice');
  for (const [item, field] of [['new-chat', 'new-chat-user'], ['new-group', 'group-name'], ['join-group', 'join-group-id']] as const) {
    await alice.page.getByTestId('new').click();
    await alice.page.getByTestId(item).click();
    await alice.page.locator(`[data-testid="${field}"]:focus`).waitFor();
    await alice.page.keyboard.type('river');
    expect(await alice.page.getByTestId(field).inputValue()).toBe('river');
    await alice.page.keyboard.press('Escape');
    await alice.dialog.waitFor({ state: 'hidden' });
  }
});

story('Bob reads back through a long history without losing his place', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  await alice.startChat('bob');
  for (let number = 1; number <= 45; number += 1) await alice.say(`line ${number}`);

  await bob.open('C2Calice');
  await bob.message('line 45').waitFor();
  const view = bob.page.getByRole('region', { name: 'Messages' });
  for (const number of [30, 15]) {
    const anchor = bob.message(`line ${number + 1}`);
    await anchor.waitFor();
    await anchor.scrollIntoViewIfNeeded();
    await view.evaluate((element) => (element.scrollTop = 30));
    await bob.message(`line ${number - 5}`).waitFor();
  }
  await view.evaluate((element) => (element.scrollTop = 0));
  await bob.message('line 1').waitFor();
  const texts = await bob.messages();
  expect(texts).toEqual(Array.from({ length: 45 }, (_, index) => `line ${index + 1}`));
});

story('Alice writes before the history has arrived', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  await bob.startChat('alice');
  await bob.say('earlier');
  await alice.row('C2Cbob').waitFor();

  // The answers that hold history are kept back until she has written.
  const histories = new Set<unknown>();
  const held: (() => void)[] = [];
  let isHolding = true;
  await alice.page.routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((frame) => {
      const { id, op } = JSON.parse(String(frame)) as { id: unknown; op: string };
      if (op === 'messages.history') histories.add(id);
      server.send(frame);
    });
    server.onMessage((frame) => {
      const { id } = JSON.parse(String(frame)) as { id?: unknown };
      if (isHolding && histories.has(id)) held.push(() => socket.send(frame));
      else socket.send(frame);
    });
  });
  await alice.page.reload();
  await alice.open('C2Cbob');
  await alice.say('at once');
  await expect.poll(() => held.length).toBeGreaterThan(0);
  isHolding = false;
  for (const release of held) release();
  await alice.expectMessages(['earlier', 'at once']);
});

story('a message that is too large says so and can be sent again', async ({ world }) => {
  await world.enter('bob');
  const alice = await world.enter('alice');
  await alice.startChat('bob');
  await alice.composer.fill('x'.repeat(13_000));
  await alice.composer.press('Enter');
  await expect.poll(() => alice.page.getByTestId('send-problem').textContent()).toContain('80002');
  await alice.page.getByTestId('send-problem').getByRole('button', { name: 'Try again' }).waitFor();
});

story('a draft waits in its conversation', async ({ world }) => {
  const bob = await world.enter('bob');
  const carol = await world.enter('carol');
  const alice = await world.enter('alice');
  for (const friend of [bob, carol]) {
    await friend.startChat('alice');
    await friend.say(`Hello from ${friend.userID}`);
  }
  await alice.open('C2Cbob');
  await alice.composer.fill('I was about to say');
  await alice.open('C2Ccarol');
  await expect.poll(() => alice.row('C2Cbob').textContent()).toContain('Draft: I was about to say');
  await alice.open('C2Cbob');
  await expect.poll(() => alice.composer.inputValue()).toBe('I was about to say');
});

story('Alice pins and mutes a conversation', async ({ world }) => {
  const bob = await world.enter('bob');
  const carol = await world.enter('carol');
  const alice = await world.enter('alice');
  for (const friend of [bob, carol]) {
    await friend.startChat('alice');
    await friend.say(`Hello from ${friend.userID}`);
    await alice.row(`C2C${friend.userID}`).waitFor();
  }
  await expect.poll(() => alice.list.evaluateAll((rows) => rows.map((row) => row.getAttribute('data-conversation')))).toEqual(['C2Ccarol', 'C2Cbob']);
  await alice.chooseFromMenu('C2Cbob', 'pin');
  await expect.poll(() => alice.list.evaluateAll((rows) => rows.map((row) => row.getAttribute('data-conversation')))).toEqual(['C2Cbob', 'C2Ccarol']);
  await alice.chooseFromMenu('C2Ccarol', 'mute');
  await expect.poll(() => alice.row('C2Ccarol').textContent()).toContain('muted');
});

story('the server restarts: the windows say so, come back, and have missed nothing', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  await alice.startChat('bob');
  await alice.say('before');
  await bob.open('C2Calice');
  const notice = bob.page.getByTestId('net-state').waitFor();
  await world.restartServer();
  await notice;
  for (const person of [alice, bob]) await person.page.getByTestId('net-state').waitFor({ state: 'detached' });
  await alice.say('after');
  await bob.expectMessages(['before', 'after']);
  await bob.say('both arrived');
  await alice.expectMessages(['before', 'after', 'both arrived']);
});
