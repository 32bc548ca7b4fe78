/**
 * What every role works with: the chain, the shared and the own store, the task and its model.
 *
 * @module
 */
import type { ArtifactStore } from '@connito/artifacts';
import type { Chain, Keypair } from '@connito/chain';
import type { Checkpoint } from '@connito/moe-core';
import type { DeviceChoice } from '@connito/moe-engine';
import type { AgentReport } from './agent-event.ts';
import type { TaskManifest } from './task-manifest.ts';
import type { Timetable } from './moment.ts';
import type { VersionStore } from './version-store.ts';

/** A role's surroundings while it runs. */
export interface RoleContext {
  readonly chain: Chain;
  readonly keypair: Keypair;
  /** Where artifacts are exchanged; everything in it is hostile until checked. */
  readonly store: ArtifactStore;
  /** This role's own artifacts, not yet or no longer public. */
  readonly ownStore: ArtifactStore;
  readonly stateDirectory: string;
  readonly manifest: TaskManifest;
  readonly ownerHotkey: string;
  /** SHA-256 of the manifest. */
  readonly taskHash: Uint8Array;
  readonly timetable: Timetable;
  readonly checkpoint: Checkpoint;
  /** Where the checkpoint lies, in Hugging Face layout. */
  readonly modelDirectory: string;
  readonly versions: VersionStore;
  readonly engine: EngineOptions;
  readonly signal: AbortSignal;
  readonly report: (report: AgentReport) => void;
}

/** How a role computes. */
export interface EngineOptions {
  readonly device: DeviceChoice;
  /** Threads of one session; 1 keeps several roles on one machine out of each other's way. */
  readonly threads: number;
}
