import { createRouter, createWebHashHistory } from 'vue-router';
import OverviewPage from './pages/OverviewPage.vue';

// The hash keeps every page under the one address that the server serves.
export const router = createRouter({
  history: createWebHashHistory('/console/'),
  routes: [
    { path: '/', name: 'overview', component: OverviewPage },
    { path: '/deletions', name: 'deletions', component: () => import('./pages/DeletionsPage.vue') },
    { path: '/deletion-settings', name: 'deletionSettings', component: () => import('./pages/DeletionSettingsPage.vue') },
    { path: '/basic-information', name: 'basic', component: () => import('./pages/BasicInformationPage.vue') },
    { path: '/login', name: 'login', component: () => import('./pages/LoginSettingsPage.vue') },
    { path: '/multi-client-synchronization', name: 'sync', component: () => import('./pages/SyncSettingsPage.vue') },
    { path: '/groups', name: 'groups', component: () => import('./pages/GroupSettingsPage.vue') },
    { path: '/administrators', name: 'administrators', component: () => import('./pages/AdministratorsPage.vue') },
    { path: '/:rest(.*)', redirect: { name: 'overview' } },
  ],
});
