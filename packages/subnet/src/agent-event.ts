/**
 * What a running role tells the outside world, one line of JSON each with `--json`: for dashboards, the demo's view and logs.
 *
 * @module
 */
import type { HashedResult, TimelockedResult } from '@connito/chain';
import type { MomentName } from './moment.ts';
import type { MinerScore } from './validator.ts';

/** The three roles of a subnet. */
export type Role = 'owner' | 'miner' | 'validator';

/** How weights ended: `set` where the subnet takes them as they are; `revealed-equal` is as good, anything else is not. */
export type WeightsOutcome = 'set' | HashedResult['outcome'] | TimelockedResult['outcome'];

/** A role's report; hashes in hex, losses in nats per token, times of the chain. */
export type AgentReport =
  | { readonly kind: 'waiting'; readonly netuid: number }
  | { readonly kind: 'joined'; readonly task: string; readonly netuid: number; readonly cycles: number; readonly cycleMs: number; readonly startMs: number }
  | { readonly kind: 'moment'; readonly cycle: number; readonly moment: MomentName; readonly timeMs: number; readonly endsMs: number; readonly missed: boolean }
  | { readonly kind: 'version'; readonly cycle: number; readonly version: number; readonly root: string }
  | { readonly kind: 'train-step'; readonly cycle: number; readonly step: number; readonly steps: number; readonly loss: number }
  | { readonly kind: 'trained'; readonly cycle: number; readonly steps: number; readonly loss: number | null; readonly artifactSha256: string; readonly sizeBytes: number; readonly seconds: number }
  | { readonly kind: 'committed'; readonly cycle: number; readonly blockNumber: number }
  | { readonly kind: 'uploaded'; readonly cycle: number; readonly sha256: string; readonly sizeBytes: number }
  | { readonly kind: 'scored'; readonly cycle: number; readonly seconds: number; readonly scores: readonly MinerScore[] }
  | { readonly kind: 'weights-set'; readonly cycle: number; readonly way: 'plain' | 'hashed' | 'timelocked'; readonly weights: readonly { readonly uid: number; readonly weight: number }[] }
  | { readonly kind: 'weights-settled'; readonly cycle: number; readonly outcome: WeightsOutcome }
  | {
      readonly kind: 'merged';
      readonly cycle: number;
      readonly step: 'manifest' | 'average' | 'best' | 'none';
      readonly accepted: boolean;
      readonly version: number;
      readonly root: string;
      readonly target?: { readonly gain: number; readonly lowerBound: number };
      readonly general?: { readonly forgetting: number; readonly upperBound: number };
      readonly seconds: number;
    }
  | { readonly kind: 'root-committed'; readonly cycle: number; readonly root: string; readonly accepted: boolean; readonly recordHash: string }
  | { readonly kind: 'evidence-kept'; readonly cycle: number; readonly sha256: string }
  | { readonly kind: 'failed'; readonly cycle: number; readonly effect: string; readonly code: string; readonly message: string }
  | { readonly kind: 'notice'; readonly message: string }
  | { readonly kind: 'finished' };

/** A report with its author. */
export type AgentEvent = AgentReport & { readonly role: Role; readonly hotkey: string };
