import type { BrowserContext, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

/** Someone at a window of the demo chat. */
export class Person {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly userID: string;

  constructor(context: BrowserContext, page: Page, userID: string) {
    this.context = context;
    this.page = page;
    this.userID = userID;
  }

  get list(): Locator {
    return this.page.locator('[data-conversation]');
  }

  get composer(): Locator {
    return this.page.getByTestId('composer');
  }

  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  get undoBar(): Locator {
    return this.page.getByTestId('undo-bar');
  }

  row(conversationID: string): Locator {
    return this.page.locator(`[data-conversation="${conversationID}"]`);
  }

  unread(conversationID: string): Locator {
    return this.row(conversationID).getByTestId('unread');
  }

  message(text: string): Locator {
    return this.page.getByTestId('message').filter({ has: this.page.getByText(text, { exact: true }) });
  }

  /** The texts of the messages on screen, oldest first. */
  messages(): Promise<string[]> {
    return this.page.getByTestId('text').allTextContents();
  }

  async open(conversationID: string): Promise<void> {
    await this.row(conversationID).click();
    await this.page.getByTestId('conversation').waitFor();
  }

  async startChat(userID: string): Promise<void> {
    await this.page.getByTestId('new').click();
    await this.page.getByTestId('new-chat').click();
    await this.page.getByTestId('new-chat-user').fill(userID);
    await this.page.keyboard.press('Enter');
    await this.composer.waitFor();
    await this.dialog.waitFor({ state: 'hidden' });
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
    await this.message(text).last().waitFor();
  }

  async chooseFromMenu(conversationID: string, action: 'pin' | 'mute' | 'read' | 'archive' | 'select' | 'delete'): Promise<void> {
    await this.row(conversationID).click({ button: 'right' });
    await this.page.locator(`[data-action="${action}"]`).click();
  }

  /** Confirms the delete dialogue that is open, and waits until it has gone. */
  async confirmDeletion(history: 'clear' | 'keep'): Promise<void> {
    await this.page.getByTestId(`${history}-history`).check();
    await this.page.getByTestId('confirm-delete').click();
    await this.dialog.waitFor({ state: 'hidden' });
  }

  async deletes(conversationID: string, history: 'clear' | 'keep'): Promise<void> {
    await this.chooseFromMenu(conversationID, 'delete');
    await this.confirmDeletion(history);
    await this.row(conversationID).waitFor({ state: 'detached' });
  }

  async expectUnread(conversationID: string, count: number): Promise<void> {
    if (count === 0) await expect.poll(() => this.unread(conversationID).count()).toBe(0);
    else await expect.poll(() => this.unread(conversationID).allTextContents()).toEqual([String(count)]);
  }

  async expectMessages(texts: string[]): Promise<void> {
    await expect.poll(() => this.messages()).toEqual(texts);
  }

  /** Creates a group and returns its conversation's ID. */
  async createGroup(name: string, type: 'work' | 'public' | 'meeting', members: string[], join?: 'free' | 'approval'): Promise<string> {
    await this.page.getByTestId('new').click();
    await this.page.getByTestId('new-group').click();
    await this.page.getByTestId('group-name').fill(name);
    await this.page.getByTestId('group-members').fill(members.join(', '));
    await this.dialog.locator(`input[value="${type}"]`).check();
    if (join !== undefined) await this.dialog.locator(`input[value="${join}"]`).check();
    await this.page.keyboard.press('Enter');
    await this.composer.waitFor();
    await this.dialog.waitFor({ state: 'hidden' });
    return decodeURIComponent(new URL(this.page.url()).hash.slice(1));
  }

  async openDetails(): Promise<void> {
    await this.page.getByTestId('details').click();
    await this.dialog.waitFor();
  }

  /** Presses a button that asks for a confirmation, and confirms. */
  async pressAndConfirm(testID: string): Promise<void> {
    await this.page.getByTestId(testID).click();
    await this.page.locator('.el-popconfirm:visible .el-button--danger').click();
  }
}
