import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { CONSOLE_PASSWORD } from './server';

/** Whoever runs the server, at the console. */
export class Operator {
  readonly page: Page;
  readonly #origin: string;

  constructor(page: Page, origin: string) {
    this.page = page;
    this.#origin = origin;
  }

  async arrive(path = ''): Promise<void> {
    await this.page.goto(`${this.#origin}/console/${path}`);
  }

  async logIn(password = CONSOLE_PASSWORD): Promise<void> {
    await this.page.locator('#password').fill(password);
    await this.page.locator('#password').press('Enter');
  }

  async visit(route: string): Promise<void> {
    await this.page.goto(`${this.#origin}/console/#/${route}`);
  }

  /** Flips a switch and waits until the server has confirmed it. */
  async turn(setting: 'SyncConversationDeletion' | 'RetainLeftGroups', to: 'on' | 'off'): Promise<void> {
    const control = this.page.getByTestId(setting).getByRole('switch');
    await control.waitFor({ state: 'attached' });
    if ((await control.getAttribute('aria-checked')) === String(to === 'on')) return;
    const saved = this.page.waitForResponse((response) => response.url().endsWith('/console/api/settings') && response.request().method() === 'PUT');
    await this.page.getByTestId(setting).click();
    expect((await saved).status()).toBe(200);
  }

  async allowWebInstances(count: number): Promise<void> {
    await this.visit('login');
    const field = this.page.getByTestId('OnlineWebInstances').locator('input');
    await field.fill(String(count));
    const saved = this.page.waitForResponse((response) => response.url().endsWith('/console/api/settings') && response.request().method() === 'PUT');
    await field.press('Enter');
    await field.blur();
    expect((await saved).status()).toBe(200);
  }
}
