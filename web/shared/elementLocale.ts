import en from 'element-plus/es/locale/lang/en';
import ja from 'element-plus/es/locale/lang/ja';
import zhCn from 'element-plus/es/locale/lang/zh-cn';
import { computed } from 'vue';
import { locale } from './i18n';

const byLocale = { en, ja, 'zh-CN': zhCn };

/** The words inside Element Plus's own components, for `ElConfigProvider`. */
export const elementLocale = computed(() => byLocale[locale.value]);
