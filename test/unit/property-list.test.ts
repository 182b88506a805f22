import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePropertyList, readPropertyList } from '../../src/wire/property-list.ts';
import { anyPropertyList } from '../support/any-property-lists.ts';

describe('a property list', () => {
  test('says all of it in the typed form, whatever it holds', () => {
    fc.assert(
      fc.property(anyPropertyList(), (list) => {
        const { properties, propertyList } = readPropertyList(list);
        expect(propertyList).toBeUndefined();
        expect(encodePropertyList(properties).equals(list)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});
