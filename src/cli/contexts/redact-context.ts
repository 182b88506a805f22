import { withoutPasswords } from '../settings/broker-urls.ts';
import type { NamedContext } from '../settings/named-context.ts';

/** A context as it may be shown: without its password, and without one that was written into a URL by hand. */
export function redactContext(context: NamedContext | undefined): NamedContext {
  const { password, url = '', api_url, ...others } = context ?? ({} as Partial<NamedContext>);
  return {
    url: withoutPasswords(url),
    ...(api_url !== undefined && { api_url: withoutPasswords(api_url) }),
    ...others,
    ...(password !== undefined && { password: '***' }),
  };
}
