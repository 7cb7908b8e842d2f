import { afterEach, expect } from 'vitest';
import { broken } from './apis.ts';

export { backends } from './apis.ts';

// every test that writes past a scratch block in the debug build fails, whatever else it checks
afterEach(() => expect(broken(), 'guards written over').toBe(0));
