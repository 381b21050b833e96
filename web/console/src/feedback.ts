import { ElMessage } from 'element-plus';
import { ApiError } from './api';
import { t } from './messages';

export function describeError(error: unknown): string {
  if (error instanceof ApiError) return t('error.withCode', { code: String(error.code), message: error.message });
  return t('error.unreachable');
}

export function showError(error: unknown): void {
  ElMessage({ type: 'error', message: describeError(error), showClose: true, duration: 6000 });
}

export function showSuccess(message: string): void {
  ElMessage({ type: 'success', message, duration: 2500 });
}
