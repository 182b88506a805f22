/** How a stand-in differs from its object. */
export interface Differences {
  get(name: PropertyKey): unknown;
  set(name: PropertyKey, value: unknown): boolean;
}

/**
 * What the SDK has in place of an object: the same, `instanceof` and further properties included, but for what is read and
 * written through `differences`. The object may be frozen: a proxy for it could not have other methods, so this is one for
 * an object that inherits from it.
 */
export function standInFor<T extends object>(object: T, { get, set }: Differences): T {
  return new Proxy(Object.create(object) as T, {
    get: (_, name) => get(name),
    set: (_, name, value) => set(name, value),
    has: (_, name) => Reflect.has(object, name),
    getPrototypeOf: () => Reflect.getPrototypeOf(object),
    ownKeys: () => Reflect.ownKeys(object),
    getOwnPropertyDescriptor: (_, name) => {
      const descriptor = Reflect.getOwnPropertyDescriptor(object, name);
      return descriptor && { ...descriptor, configurable: true };
    },
    defineProperty: (_, name, descriptor) => Reflect.defineProperty(object, name, descriptor),
    deleteProperty: (_, name) => Reflect.deleteProperty(object, name),
  });
}
