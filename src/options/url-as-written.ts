/** A part of the path that URLs resolve as a folder, encoded or not. */
const DOT_PART = /:\/\/[^/?#]*\/(?:[^?#]*\/)?(?:\.|%2e){1,2}(?:[/?#]|\s*$)/i;

/**
 * What `URL` leaves out when it parses this, so that the rest may name another vhost.
 * @returns undefined if it leaves out nothing
 */
export function leftOutOfUrl(url: string): string | undefined {
  if (/[\t\r\n]/.test(url.trim())) return 'it has a line break or tab';
  if (DOT_PART.test(url)) return 'its path has a part . or .., which is never the name of a vhost in a URL';
  return undefined;
}
