/** The page and its worker are one script: where there is no document, it is the worker. */
import { render } from 'preact';
import { App } from './app.tsx';
import { type Scope, serve } from './worker.ts';

if (typeof document === 'undefined') serve(self as Scope);
else render(<App />, document.body);
