import type { IconName } from '../../shared/icons';
import type { MessageKey } from './messages';

/** One entry of the side navigation: a page, or a heading over further entries. */
export interface NavigationEntry {
  label: MessageKey;
  icon?: IconName;
  /** The page's route name; a heading has none. */
  route?: string;
  /** The setting that ends the page's breadcrumb, where the page is about one setting. */
  setting?: MessageKey;
  children?: readonly NavigationEntry[];
}

export const navigation: readonly NavigationEntry[] = [
  { label: 'nav.overview', icon: 'chart', route: 'overview' },
  { label: 'nav.deletions', icon: 'trash', route: 'deletions' },
  {
    label: 'nav.application',
    icon: 'sliders',
    children: [
      { label: 'nav.basic', route: 'basic' },
      {
        label: 'nav.feature',
        children: [
          {
            label: 'nav.loginAndMessage',
            children: [
              { label: 'nav.login', route: 'login' },
              { label: 'nav.sync', route: 'sync', setting: 'nav.syncDeletion' },
            ],
          },
          { label: 'nav.groups', route: 'groups' },
          { label: 'nav.deletionSettings', route: 'deletionSettings' },
          { label: 'nav.administrators', route: 'administrators' },
        ],
      },
    ],
  },
];

/** The labels from the top of the navigation down to a page. */
export function pathTo(route: string, entries = navigation): MessageKey[] {
  for (const entry of entries) {
    if (entry.route === route) return entry.setting === undefined ? [entry.label] : [entry.label, entry.setting];
    const below = pathTo(route, entry.children ?? []);
    if (below.length > 0) return [entry.label, ...below];
  }
  return [];
}
