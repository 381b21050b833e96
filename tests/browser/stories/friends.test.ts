import { expect } from 'vitest';
import { story } from '../support/world';

story('Bob asks to be a friend; Alice, who wants to be asked, accepts', async ({ world }) => {
  const alice = await world.enter('alice');
  const bob = await world.enter('bob');
  await alice.page.getByTestId('profile').click();
  await alice.dialog.locator('input[value="confirm"]').check();
  await alice.page.getByTestId('nick').press('Enter');
  await alice.page.getByText('Profile saved').waitFor();
  await alice.dialog.waitFor({ state: 'hidden' });

  await bob.page.getByTestId('friends').click();
  await bob.page.getByTestId('friend-id').fill('alice');
  await bob.page.getByTestId('friend-id').press('Enter');
  await bob.page.getByText('alice has been asked').waitFor();
  await bob.page.getByText('Waiting for an answer').waitFor();

  await expect.poll(() => alice.page.getByTestId('friends').getAttribute('aria-label')).toBe('Friends, 1 request');
  await alice.page.getByTestId('friends').click();
  await alice.page.getByRole('button', { name: 'Accept' }).click();
  await alice.dialog.getByText('Friends (1)').waitFor();
  await bob.dialog.getByText('Friends (1)').waitFor();
  await bob.page.getByText('Waiting for an answer').waitFor({ state: 'detached' });

  await bob.dialog.getByRole('button', { name: 'Message' }).click();
  await bob.say('Thank you!');
  await alice.row('C2Cbob').waitFor();
  await alice.dialog.getByRole('button', { name: 'Remove' }).click();
  await alice.page.locator('.el-popconfirm:visible .el-button--danger').click();
  await alice.dialog.getByText('Friends (0)').waitFor();
  expect(await alice.row('C2Cbob').count()).toBe(1);
});

story('Alice changes her name and Bob sees it', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  await alice.page.getByTestId('profile').click();
  await alice.page.getByTestId('nick').fill('Alice Liddell');
  await alice.page.getByTestId('nick').press('Enter');
  await alice.dialog.waitFor({ state: 'hidden' });
  await expect.poll(() => alice.page.getByTestId('profile').textContent()).toContain('Alice Liddell');
  await alice.startChat('bob');
  await alice.say('It is still me');
  await expect.poll(() => bob.row('C2Calice').textContent()).toContain('Alice Liddell');
});
