import { createTranslator } from '../../../shared/i18n';
import { en } from './en';
import { ja } from './ja';
import { zhCn } from './zhCn';

export type MessageKey = keyof typeof en;
export const t = createTranslator<MessageKey>({ en, ja, 'zh-CN': zhCn });
