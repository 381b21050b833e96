import { expect } from 'vitest';
import { story } from '../support/world';

story('Alice, Bob and Carol talk in a group', async ({ world }) => {
  const bob = await world.enter('bob');
  const carol = await world.enter('carol');
  const alice = await world.enter('alice');
  const group = await alice.createGroup('River walk', 'work', ['bob', 'carol']);
  await alice.say('Sunday at ten?');
  for (const member of [bob, carol]) {
    await expect.poll(() => member.row(group).textContent()).toContain('River walk');
    await member.expectUnread(group, 1);
    await member.open(group);
  }
  await bob.say('Ten is fine.');
  await carol.message('Ten is fine.').getByText('Bob').first().waitFor();
  await alice.message('Ten is fine.').waitFor();
  await alice.openDetails();
  await alice.page.locator('[data-person="carol"]').waitFor();
});

story('Bob leaves a group: he can read it and delete it, but not write in it', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  const group = await alice.createGroup('Spring trip', 'work', ['bob']);
  await alice.say('Who brings the boat?');
  await bob.open(group);
  await bob.message('Who brings the boat?').waitFor();
  await bob.openDetails();
  await bob.pressAndConfirm('quit-group');

  await bob.page.getByTestId('left-notice').waitFor();
  await bob.message('Who brings the boat?').waitFor();
  expect(await bob.composer.count()).toBe(0);
  await alice.page.getByText('Bob left').first().waitFor();

  await bob.dialog.waitFor({ state: 'hidden' });
  await bob.page.getByTestId('left-notice').getByRole('button').click();
  await expect.poll(() => bob.dialog.textContent()).toContain('gone for good');
  await bob.confirmDeletion('clear');
  await bob.row(group).waitFor({ state: 'detached' });

  // What is said there now is not for Bob. A message after it shows that he has heard everything before.
  await alice.say('Only Alice is left here');
  await alice.startChat('bob');
  await alice.say('Good trip!');
  await bob.expectUnread('C2Calice', 1);
  expect(await bob.row(group).count()).toBe(0);
});

story('a dismissed group stays readable for its members', async ({ world }) => {
  const bob = await world.enter('bob');
  const alice = await world.enter('alice');
  const group = await alice.createGroup('Harbour', 'public', ['bob'], 'free');
  await alice.page.getByTestId('details').waitFor();
  const groupID = group.slice('GROUP'.length);
  await bob.page.getByTestId('new').click();
  await bob.page.getByTestId('join-group').click();
  await bob.page.getByTestId('join-group-id').fill(groupID);
  await bob.page.keyboard.press('Enter');
  await bob.dialog.waitFor({ state: 'hidden' }).catch(() => undefined);
  await alice.say('The harbour closes tonight.');
  await bob.row(group).waitFor();
  if (await bob.dialog.isVisible()) await bob.page.keyboard.press('Escape');
  await bob.open(group);
  await bob.message('The harbour closes tonight.').waitFor();

  await alice.openDetails();
  await alice.pressAndConfirm('dismiss-group');
  await bob.page.getByTestId('left-notice').waitFor();
  await bob.message('The harbour closes tonight.').waitFor();
});

story('Carol asks to join a group and Alice approves', async ({ world }) => {
  const carol = await world.enter('carol');
  const alice = await world.enter('alice');
  const group = await alice.createGroup('Lock keepers', 'public', [], 'approval');
  await carol.page.getByTestId('new').click();
  await carol.page.getByTestId('join-group').click();
  await carol.page.getByTestId('join-group-id').fill(group.slice('GROUP'.length));
  await carol.page.keyboard.press('Enter');
  await carol.page.getByText('Asked to join. The owner decides.').waitFor();

  await alice.open('@TIM#SYSTEM');
  const notice = alice.page.getByTestId('notice').filter({ hasText: 'asks to join' });
  await notice.getByRole('button', { name: 'Approve' }).click();
  await notice.getByText('You approved this.').waitFor();
  await carol.row(group).waitFor();

  await alice.page.reload();
  await notice.getByRole('button', { name: 'Approve' }).click();
  await notice.getByText('Somebody has answered this already.').waitFor();
});

story('the owner adds a member, removes another, and hands the group over', async ({ world }) => {
  const bob = await world.enter('bob');
  const carol = await world.enter('carol');
  const dave = await world.enter('dave');
  const alice = await world.enter('alice');
  const group = await alice.createGroup('Rowing club', 'work', ['bob', 'carol']);
  await alice.openDetails();
  const member = (userID: string) => alice.dialog.locator(`[data-person="${userID}"]`);
  const act = async (userID: string, action: string) => {
    await member(userID).getByRole('button').click();
    await alice.page.getByRole('menuitem', { name: action }).click();
  };

  await alice.page.getByPlaceholder('User ID to add').fill('dave');
  await alice.page.keyboard.press('Enter');
  await member('dave').waitFor();
  await dave.row(group).waitFor();

  await act('carol', 'Remove from the group');
  await member('carol').waitFor({ state: 'detached' });
  await carol.open(group);
  await carol.page.getByTestId('left-notice').waitFor();

  await act('bob', 'Make owner');
  await expect.poll(() => member('bob').textContent()).toContain('Owner');
  await bob.open(group);
  await bob.page.getByText('Bob is the owner now').first().waitFor();
});
