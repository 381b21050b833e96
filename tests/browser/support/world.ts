import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { test } from 'vitest';
import { artifact, launch } from './browser';
import { Operator } from './operator';
import { Person } from './person';
import type { Rest } from './rest';
import { type Server, startServer } from './server';

/** One server and everyone who is at it, for one story. */
export class World {
  readonly origin: string;
  readonly #server: Server;
  /** What went wrong in any window; a story that ends with some has failed. */
  readonly problems: string[] = [];
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];

  constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
    this.origin = server.origin;
  }

  restartServer(): Promise<void> {
    return this.#server.restart();
  }

  /** The REST API, for what no window could do in time. */
  rest(): Promise<Rest> {
    return this.#server.rest();
  }

  async window(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(15_000);
    this.#contexts.push(context);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.problems.push(error.message));
    page.on('request', (request) => {
      const { origin } = new URL(request.url());
      if (origin !== this.origin && origin !== this.origin.replace('http', 'ws')) this.problems.push(`left the server: ${request.url()}`);
    });
    return page;
  }

  /** Someone opens a window and signs in; the list is loaded when this returns. */
  async enter(userID: string, options: BrowserContextOptions = {}): Promise<Person> {
    const page = await this.window(options);
    await page.goto(`${this.origin}/?user=${userID}`);
    await page.getByTestId('profile').waitFor({ state: 'attached' });
    await page.locator('[data-conversation], [data-testid="empty-list"]').first().waitFor({ state: 'attached' });
    return new Person(page.context(), page, userID);
  }

  async operator(options: BrowserContextOptions = {}): Promise<Operator> {
    return new Operator(await this.window(options), this.origin);
  }

  /** An operator who has logged in already. */
  async loggedInOperator(): Promise<Operator> {
    const operator = await this.operator();
    await operator.arrive();
    await operator.logIn();
    await operator.page.getByTestId('onlineUsers').waitFor();
    return operator;
  }

  async photograph(name: string): Promise<void> {
    const pages = this.#contexts.flatMap((context) => context.pages());
    for (const [index, page] of pages.entries()) await page.screenshot({ path: artifact(`${name} ${index + 1}`) }).catch(() => undefined);
  }

  async close(): Promise<void> {
    for (const context of this.#contexts) await context.close();
  }
}

interface Fixtures {
  browser: Browser;
  /** What the server of this story is started with, beyond its identity. */
  settings: NodeJS.ProcessEnv;
  world: World;
}

export const story = test.extend<Fixtures>({
  browser: [
    // eslint-disable-next-line no-empty-pattern -- the runner reads from the pattern that nothing else is needed
    async ({}, use) => {
      const browser = await launch();
      await use(browser);
      await browser.close();
    },
    { scope: 'file' },
  ],
  settings: {},
  world: async ({ task, browser, settings }, use) => {
    const server = await startServer(settings);
    const world = new World(browser, server);
    try {
      await use(world);
      if (task.result?.state === 'fail') await world.photograph(`failed ${task.name}`);
      else if (world.problems.length > 0) throw new Error(world.problems.join('\n'));
    } finally {
      await world.close();
      await server.stop();
    }
  },
});
