/** Every event of a role is one that the view takes; checked by tsc. @module */
import type { AgentEvent } from '@connito/subnet';
import type { DemoViewEvent, KnownRoleEvent } from '../../src/demo/view-state.ts';

type Known = Extract<AgentEvent, { kind: Exclude<KnownRoleEvent['kind'], 'stopped'> }>;

({}) as AgentEvent satisfies DemoViewEvent;
({}) as Known satisfies KnownRoleEvent;
