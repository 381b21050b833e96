import { ElMessage } from 'element-plus';
import { t } from '../messages';
import { codeOf } from './codes';

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : t('error.unknown');
}

export function describeError(error: unknown): string {
  const message = messageOf(error);
  const code = codeOf(error);
  return code === null ? message : t('error.withCode', { message, code: String(code) });
}

export function showError(error: unknown): void {
  ElMessage({ type: 'error', message: describeError(error), showClose: true, duration: 6000 });
}

export function showSuccess(message: string): void {
  ElMessage({ type: 'success', message, duration: 3000 });
}
