import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { violations } from '../support/accessibility';
import { artifact } from '../support/browser';
import type { World } from '../support/world';
import { story } from '../support/world';

const overflows = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

async function aliceWithBob(world: World, options: Parameters<World['enter']>[1]) {
  const alice = await world.enter('alice', options);
  const bob = await world.enter('bob');
  await bob.startChat('alice');
  await bob.say('Is the river high today?');
  await alice.row('C2Cbob').waitFor();
  return alice;
}

story('the demo speaks the language of the browser, and another when asked', async ({ world }) => {
  for (const [locale, title] of [
    ['en-US', 'Welcome to Lethe'],
    ['zh-CN', '欢迎使用 Lethe'],
    ['ja-JP', 'Lethe へようこそ'],
  ] as const) {
    const page = await world.window({ locale });
    await page.goto(world.origin);
    await page.getByRole('heading', { name: title }).waitFor();
  }
  const page = await world.window({ locale: 'en-US' });
  await page.goto(world.origin);
  await page.getByTestId('language').click();
  await page.locator('[data-locale="ja"]').click();
  await page.getByRole('heading', { name: 'Lethe へようこそ' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Lethe へようこそ' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('ja');
});

story('dark mode follows the system until someone chooses', async ({ world }) => {
  const page = await world.window({ colorScheme: 'dark' });
  const isDark = () => page.locator('html').evaluate((element) => element.classList.contains('dark'));
  await page.goto(world.origin);
  await expect.poll(isDark).toBe(true);
  await page.emulateMedia({ colorScheme: 'light' });
  await expect.poll(isDark).toBe(false);
  await page.getByTestId('theme').click();
  await expect.poll(isDark).toBe(true);
  await page.reload();
  await expect.poll(isDark).toBe(true);
});

story('on a phone the list and the conversation are two screens', async ({ world }) => {
  const alice = await aliceWithBob(world, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
  expect(await overflows(alice.page)).toBe(false);
  await alice.open('C2Cbob');
  await alice.row('C2Cbob').waitFor({ state: 'hidden' });
  expect(await overflows(alice.page)).toBe(false);
  await alice.page.screenshot({ path: artifact('phone conversation') });
  await alice.page.getByTestId('back').click();
  await alice.row('C2Cbob').waitFor();
  await alice.open('C2Cbob');
  await alice.page.goBack();
  await alice.row('C2Cbob').waitFor();
});

for (const colorScheme of ['light', 'dark'] as const) {
  story(`the demo keeps to the accessibility rules, ${colorScheme}`, async ({ world }) => {
    const start = await world.window({ colorScheme });
    await start.goto(world.origin);
    await start.locator('[data-user="alice"]').waitFor();
    expect(await violations(start)).toEqual([]);

    const alice = await aliceWithBob(world, { colorScheme });
    expect(await violations(alice.page)).toEqual([]);
    await alice.open('C2Cbob');
    await alice.say('Higher than yesterday.');
    expect(await violations(alice.page)).toEqual([]);
    await alice.chooseFromMenu('C2Cbob', 'delete');
    await alice.page.getByTestId('confirm-delete').waitFor();
    expect(await violations(alice.page)).toEqual([]);
    await alice.page.screenshot({ path: artifact(`delete dialogue ${colorScheme}`) });
  });

  story(`the console keeps to the accessibility rules, ${colorScheme}`, async ({ world }) => {
    const operator = await world.operator({ colorScheme });
    await operator.arrive();
    await operator.page.locator('#password').waitFor();
    expect(await violations(operator.page)).toEqual([]);
    await operator.logIn();
    await operator.page.getByTestId('onlineUsers').waitFor();
    expect(await violations(operator.page)).toEqual([]);
    for (const route of ['basic-information', 'login', 'multi-client-synchronization', 'groups', 'deletion-settings', 'administrators']) {
      await operator.visit(route);
      await operator.page.locator('main .card:not([role="status"])').first().waitFor();
      expect(await violations(operator.page)).toEqual([]);
      await operator.page.screenshot({ path: artifact(`console ${route} ${colorScheme}`) });
    }
  });
}

story('the console fits a phone, in each language', async ({ world }) => {
  for (const locale of ['en-US', 'zh-CN', 'ja-JP']) {
    const operator = await world.operator({ locale, viewport: { width: 360, height: 740 } });
    await operator.arrive();
    await operator.logIn();
    await operator.page.getByTestId('onlineUsers').waitFor();
    for (const route of ['', 'basic-information', 'multi-client-synchronization', 'administrators']) {
      await operator.visit(route);
      await operator.page.locator('main h1').waitFor();
      expect(await overflows(operator.page)).toBe(false);
      await operator.page.screenshot({ path: artifact(`console phone ${locale} ${route}`) });
    }
  }
});
