const UNITS = ['B', 'KB', 'MB', 'GB'];

/** `512 B`, `4.2 KB`, `16 MB`, in powers of 1024. */
export function formatSize(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1023.95 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  const digits = unit === 0 || amount >= 99.95 ? 0 : 1;
  return `${amount.toFixed(digits).replace(/\.0$/, '')} ${UNITS[unit]}`;
}

export { formatCount, formatNumber } from '../../cli-shared.ts';
