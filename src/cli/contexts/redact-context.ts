import type { NamedContext } from './named-context.ts';

/** A context as it may be shown: without its password, and without one that was written into a URL by hand. */
export function redactContext(context: NamedContext | undefined): NamedContext {
  const { password, url = '', api_url, ...others } = context ?? ({} as Partial<NamedContext>);
  return {
    url: withoutPassword(url),
    ...(api_url !== undefined && { api_url: withoutPassword(api_url) }),
    ...others,
    ...(password !== undefined && { password: '***' }),
  };
}

/** Keeps the user name, which is useful to see. */
function withoutPassword(urls: string): string {
  return urls
    .split(/,(?=\s*[a-z][a-z0-9+.-]*:\/\/)/i)
    .map((text) => {
      if (!URL.canParse(text)) return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@');
      if (new URL(text).password === '') return text;
      return text.replace(/(:\/\/[^:@/]*):.*@/s, '$1:***@');
    })
    .join(',');
}
