import { cutStart, textWidth } from './text-width.ts';

/** A method cut to a width; its last part says the most: `…/progress` for `notifications/progress`. */
export function cutMethod(method: string, width: number): string {
  if (textWidth(method) <= width) return method;
  const slash = method.lastIndexOf('/');
  return cutStart(slash > 0 ? `…${method.slice(slash)}` : method, width);
}
