/** A method by its last part, which says more than the others: `…/progress` of `notifications/progress`. */
export function shortMethod(method: string): string {
  const slash = method.lastIndexOf('/');
  return slash > 0 ? `…${method.slice(slash)}` : method;
}
