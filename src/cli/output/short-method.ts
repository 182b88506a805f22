/** A method's last part, which says the most: `…/progress` for `notifications/progress`. */
export function shortMethod(method: string): string {
  const slash = method.lastIndexOf('/');
  return slash > 0 ? `…${method.slice(slash)}` : method;
}
