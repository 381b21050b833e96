import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { violations } from '../support/accessibility';
import { artifact } from '../support/browser';
import type { World } from '../support/world';
import { story } from '../support/world';

const rows = (page: Page): Locator => page.locator('[data-testid="journal"] tbody tr');
const overflows = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

/** Alice has deleted two conversations in one call, undone one of them, and Bob his own; Carol is under a hold. */
async function deletions(world: World): Promise<void> {
  const rest = await world.rest();
  for (const user of ['alice', 'bob', 'carol']) await rest.createUser(user);
  for (const text of ['one', 'two', 'three']) await rest.send('bob', 'alice', text);
  await rest.send('carol', 'alice', 'hello');
  const alice = await world.enter('alice');
  await alice.expectUnread('C2Cbob', 3);
  await alice.page.getByTestId('select').click();
  await alice.page.getByTestId('select-all').click();
  await alice.page.getByTestId('delete-selected').click();
  await alice.confirmDeletion('clear');
  await alice.page.getByTestId('empty-list').waitFor();
  await rest.call('lethe_conversation/restore', { From_Account: 'alice', Items: [{ Type: 1, To_Account: 'carol' }] });
  await alice.row('C2Ccarol').waitFor();
  await rest.call('recentcontact/delete', { From_Account: 'bob', Type: 1, To_Account: 'alice' });
  await rest.call('lethe_deletion/hold', { User_Account: 'carol', Reason: 'case 7' });
}

/** Checks a receipt as anybody would who has it and the app's public key. */
function statementOf(path: string): Record<string, unknown> {
  const receipt = JSON.parse(readFileSync(path, 'utf8')) as { statement: string; algorithm: string; publicKey: string; signature: string };
  expect(receipt.algorithm).toBe('Ed25519');
  const x = Buffer.from(receipt.publicKey, 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const signature = Buffer.from(receipt.signature, 'base64');
  expect(verify(null, Buffer.from(receipt.statement), key, signature)).toBe(true);
  expect(verify(null, Buffer.from(receipt.statement.replace('alice', 'mallory')), key, signature)).toBe(false);
  return JSON.parse(receipt.statement) as Record<string, unknown>;
}

story('the journal says what was done, by whom, and gives a receipt that anybody can check', async ({ world }) => {
  const operator = await world.loggedInOperator();
  await operator.page.getByRole('link', { name: 'Deletions' }).click();
  await operator.page.getByTestId('journal-empty').waitFor();
  expect(await operator.page.getByTestId('journal-empty').textContent()).toContain('Nothing has been deleted yet.');
  await deletions(world);
  await operator.page.getByTestId('journal-refresh').click();
  await expect.poll(() => rows(operator.page).evaluateAll((all) => all.map((row) => row.getAttribute('data-kind')))).toEqual([
    'hold', 'delete', 'restore', 'delete',
  ]);
  const mine = rows(operator.page).last();
  const words = (await mine.textContent()) ?? '';
  for (const part of ['Deleted', 'alice', 'C2Cbob', 'listed after 3', 'cleared to 3', 'C2Ccarol', 'cleared to 1']) expect(words).toContain(part);
  expect(await rows(operator.page).nth(1).textContent()).toContain('administrator');
  await expect.poll(() => operator.page.getByTestId('holds').textContent()).toContain('case 7');
  await expect.poll(() => operator.page.getByTestId('queue').textContent()).toContain('C2Cbob');
  await expect.poll(() => operator.page.getByTestId('eraser-erased').textContent()).toBe('0');

  const downloading = operator.page.waitForEvent('download');
  await mine.getByTestId('receipt').click();
  const download = await downloading;
  const entry = await mine.getAttribute('data-entry');
  expect(download.suggestedFilename()).toBe(`receipt-${entry}.json`);
  expect(statementOf(await download.path())).toMatchObject({
    entry, kind: 'delete', actor: 'alice', user: 'alice', app: 1400000001, scope: 'me',
    items: [{ conversation: 'C2Ccarol', listedAfter: 1, clearedTo: 1 }, { conversation: 'C2Cbob', listedAfter: 3, clearedTo: 3 }],
    erasure: [{ conversation: 'C2Ccarol', state: 'restored' }, { conversation: 'C2Cbob', state: 'hidden' }],
  });

  await operator.page.getByTestId('journal-user').fill('bob');
  await operator.page.keyboard.press('Enter');
  await expect.poll(() => rows(operator.page).count()).toBe(1);
  expect(await rows(operator.page).first().textContent()).toContain('C2Calice');
  await operator.page.getByTestId('journal-user').fill('nobody');
  await operator.page.keyboard.press('Enter');
  await expect.poll(() => operator.page.getByTestId('journal-empty').textContent()).toContain('Nothing of nobody has been deleted yet.');
});

story('older rows are a page away, and a page that fails can be asked for again', async ({ world }) => {
  const rest = await world.rest();
  const senders = Array.from({ length: 55 }, (_, index) => `sender-${index}`);
  for (const user of ['alice', ...senders]) await rest.createUser(user);
  for (const sender of senders) {
    await rest.send(sender, 'alice', 'hello');
    await rest.call('recentcontact/delete', { From_Account: 'alice', Type: 1, To_Account: sender });
  }
  const operator = await world.loggedInOperator();
  await operator.visit('deletions');
  await expect.poll(() => rows(operator.page).count()).toBe(50);
  await operator.page.route('**/console/api/journal**', (route) => route.fulfill({ status: 503, contentType: 'application/json', body: '{"code":98001,"message":"busy"}' }));
  await operator.page.getByTestId('journal-older').click();
  await operator.page.getByText('busy (code 98001)').waitFor();
  await operator.page.unroute('**/console/api/journal**');
  await operator.page.getByRole('button', { name: 'Try again' }).click();
  await expect.poll(() => rows(operator.page).count()).toBe(55);
  expect(await operator.page.getByTestId('journal-older').count()).toBe(0);
});

story('what nobody can read any more is erased, and the page follows', async ({ world }) => {
  const rest = await world.rest();
  await rest.settings({ ErasureGrace: 0 });
  for (const user of ['alice', 'bob']) await rest.createUser(user);
  for (const text of ['one', 'two']) await rest.send('bob', 'alice', text);
  const operator = await world.loggedInOperator();
  await operator.visit('deletions');
  await operator.page.getByText('What nobody can read any more is erased at once').waitFor();
  for (const [from, to] of [['alice', 'bob'], ['bob', 'alice']]) {
    await rest.call('recentcontact/delete', { From_Account: from, Type: 1, To_Account: to });
  }
  await expect.poll(() => operator.page.getByTestId('eraser-erased').textContent(), { timeout: 30_000 }).toBe('2');
  await operator.page.getByTestId('journal-refresh').click();
  await expect.poll(() => rows(operator.page).first().textContent()).toContain('messages: 2');
});

story('work of the eraser has a bar, and a server that does not answer is told', async ({ world }) => {
  const operator = await world.loggedInOperator();
  const { page } = operator;
  const state = {
    erased: 1200, erasedBytes: 3_400_000, waiting: 70, diskBytes: 80_000_000, compactedAt: Date.now(), graceSeconds: 3600,
    queue: [
      { user: 'alice', conversation: 'C2Cbob', due: Date.now(), held: false, working: true, messages: 400 },
      { user: 'carol', conversation: 'GROUPclub', due: Date.now(), held: true, working: false, messages: 0 },
    ],
    current: { user: 'alice', conversation: 'C2Cbob', done: 400, target: 1000 },
  };
  await page.route('**/console/api/eraser', (route) => route.fulfill({ json: state }));
  await operator.visit('deletions');
  await expect.poll(() => page.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('40');
  await page.getByText('Erasing C2Cbob of alice').waitFor();
  expect(await page.getByTestId('queue').textContent()).toContain('held');
  await page.getByText('and 68 more').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.screenshot({ path: artifact('console deletions at work') });
  await page.unroute('**/console/api/eraser');
  await page.route('**/console/api/eraser', (route) => route.abort());
  await page.getByText('The server does not answer. What the eraser does is as last known.').waitFor();
  await page.reload();
  await page.getByText('The server cannot be reached.').waitFor();
  await page.getByTestId('journal-empty').waitFor();
});

story('the settings of deletions are in units that people think in', async ({ world }) => {
  const operator = await world.loggedInOperator();
  await operator.visit('deletion-settings');
  const { page } = operator;
  const grace = page.getByTestId('ErasureGrace').locator('input');
  await expect.poll(() => grace.inputValue()).toBe('1');
  await expect.poll(() => page.getByTestId('ErasureGrace-unit').textContent()).toContain('days');
  const saved = () => page.waitForResponse((response) => response.url().endsWith('/console/api/settings') && response.request().method() === 'PUT');
  const save = async (name: string, value: string, sent: object) => {
    await page.getByTestId(name).locator('input').fill(value);
    await page.getByTestId(name).locator('input').blur();
    const answer = saved();
    await page.getByTestId(`${name}-save`).click();
    if (name === 'RetentionDays') await page.locator('.el-message-box .el-button--danger').click();
    const response = await answer;
    expect([response.status(), JSON.parse(response.request().postData() ?? '')]).toEqual([200, sent]);
  };
  await save('ErasureGrace', '7', { ErasureGrace: 604_800 });
  await save('DeleteForEveryoneWindow', '0', { DeleteForEveryoneWindow: 0 });
  await save('RetentionDays', '90', { RetentionDays: 90 });
  const chosen = saved();
  await page.getByText('Their own messages').click();
  expect((await chosen).request().postData()).toBe('{"DeleteForEveryone":"own-messages"}');
  await page.reload();
  await expect.poll(() => grace.inputValue()).toBe('7');
  await expect.poll(() => page.getByTestId('DeleteForEveryone').locator('input:checked').getAttribute('value')).toBe('own-messages');
  await page.getByText('0: however old they are.').waitFor();
});

for (const [name, options] of [
  ['light', {}],
  ['dark', { colorScheme: 'dark' }],
  ['zh', { locale: 'zh-CN' }],
  ['ja', { locale: 'ja-JP' }],
  ['phone', { viewport: { width: 360, height: 740 } }],
] as const) {
  story(`the pages about deletions have their look, ${name}`, async ({ world }) => {
    await deletions(world);
    const operator = await world.operator(options);
    await operator.arrive();
    await operator.logIn();
    await operator.page.getByTestId('onlineUsers').waitFor();
    for (const [route, ready] of [['deletions', '[data-testid="journal"] tbody tr'], ['deletion-settings', '[data-testid="RetentionDays"]']] as const) {
      await operator.visit(route);
      await operator.page.locator(ready).first().waitFor();
      if (route === 'deletions') await operator.page.getByTestId('queue').waitFor();
      expect(await overflows(operator.page)).toBe(false);
      expect(await violations(operator.page)).toEqual([]);
      // As high as it is: the page scrolls inside.
      const height = await operator.page.locator('main').evaluate((main) => main.scrollHeight + 70);
      const { width } = operator.page.viewportSize() ?? { width: 1280 };
      const before = operator.page.viewportSize();
      await operator.page.setViewportSize({ width, height });
      await operator.page.screenshot({ path: artifact(`console ${route} ${name}`) });
      if (before) await operator.page.setViewportSize(before);
    }
  });
}
