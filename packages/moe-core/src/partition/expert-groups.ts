/**
 * From the relevance of experts to several domains and a budget of bytes to groups of experts: what a miner holds and trains.
 *
 * 1. *Wanted*: each domain wants the experts that a rule selects from its scores (ESFT's threshold by default).
 * 2. *Owned*: in disjoint mode an expert that several domains want goes to the one for which `share + pull` is largest, share being its part of the
 *    domain's routing mass in the layer and pull `Σ_v counts[e, v] / ((K − 1) · K · T)` over the experts v that only this domain wants: an expert stays where its
 *    partners are. Ties go to the first domain by name. In overlapping mode every domain keeps what it wants.
 * 3. *Groups*: as many per domain as the budget makes necessary. A token passes through every layer, so each layer is dealt evenly: its experts are
 *    split over the domain's groups to within one, the odd ones to the groups with the fewest bytes so far. A domain's groups differ by one expert at most.
 * 4. *Together*: which experts share a part is decided by co-activation (`balanced-split.ts`); without counts they are dealt by falling score.
 *
 * All of it is a function of its inputs, in float64 and in a fixed order.
 * @module
 */
import { splitTogether } from './balanced-split.ts';
import { assertScores, rankExperts, selectExperts, type BudgetRule, type SelectionRule } from './expert-choice.ts';
import type { CoActivation } from '../routing/co-activation.ts';
import { MoeError } from '../errors.ts';
import type { ExpertScores } from './expert-relevance.ts';
import type { ExpertSelection } from '../experts/expert-selection.ts';
import { compareCodePoints } from '../internal/code-points.ts';

/** What is known of a domain. */
export interface GroupDomain {
  readonly name: string;
  readonly scores: ExpertScores;
  /** By layer; layers may be missing. */
  readonly coActivation?: ReadonlyMap<number, CoActivation>;
}

/** What to plan. */
export interface GroupPlanOptions {
  readonly domains: readonly GroupDomain[];
  /** Of each group's experts. */
  readonly budgetBytes: number;
  /** Bytes of one expert: of every layer, or by layer. */
  readonly expertBytes: number | ReadonlyMap<number, number>;
  readonly mode: 'disjoint' | 'overlapping';
  /** What a domain wants; `{ threshold: 0.2 }` by default. */
  readonly rule?: Exclude<SelectionRule, BudgetRule>;
  /** At most so many; what does not fit then is left out, lowest score per byte first. */
  readonly groupsPerDomain?: number;
}

/** One group. */
export interface ExpertGroup {
  /** `<domain>-<number from 0>` */
  readonly id: string;
  readonly domain: string;
  /** Ids by falling score of the domain. */
  readonly experts: ExpertSelection;
  readonly expertCount: number;
  readonly sizeBytes: number;
  /** Domain to the share of its routing mass that goes to the group: the mean over its layers of `Σ score in the group / Σ score`. */
  readonly coverage: ReadonlyMap<string, number>;
  /** Of the domain's co-activation with at least one expert in the group, the part with both; `undefined` without counts. */
  readonly coActivationKept: number | undefined;
}

/** What a domain got. */
export interface DomainPlan {
  readonly wantedExperts: number;
  readonly plannedExperts: number;
  /** Share of its routing mass that all its groups cover. */
  readonly coverage: number;
  /** Of the co-activation among its planned experts, the part inside groups; `undefined` without counts, 1 with one group. */
  readonly coActivationKept: number | undefined;
}

/** Groups, domain by domain in code point order. */
export interface GroupPlan {
  readonly groups: readonly ExpertGroup[];
  readonly domains: ReadonlyMap<string, DomainPlan>;
}

/**
 * Plans groups.
 * @throws groups-invalid no domains, names or layers that do not fit, a budget below one expert; scores-invalid
 * @example
 * const plan = planExpertGroups({
 *   domains: [{ name: 'law', scores: law.tokenScores, coActivation }, { name: 'code', scores: code.tokenScores }],
 *   budgetBytes: 2 * 1024 ** 3, expertBytes: 17_301_504, mode: 'disjoint',
 * });
 */
export function planExpertGroups(options: GroupPlanOptions): GroupPlan {
  const { rule = { threshold: 0.2 }, groupsPerDomain = Infinity } = options;
  if (!(groupsPerDomain === Infinity || (Number.isInteger(groupsPerDomain) && groupsPerDomain >= 1))) throw invalid('groupsPerDomain', `expected an integer from 1, got ${groupsPerDomain}`);
  const domains = options.domains.toSorted((a, b) => compareCodePoints(a.name, b.name));
  assertDomains(domains, options);
  const wanted = domains.map(({ scores }) => selectExperts(scores, rule));
  const owned = options.mode === 'disjoint' ? resolveContests(domains, wanted) : wanted;
  const groups: ExpertGroup[] = [];
  const reports = new Map<string, DomainPlan>();
  domains.forEach((domain, index) => {
    const parts = formGroups(domain, owned[index]!, { ...options, groupsPerDomain });
    groups.push(...parts.map((experts, number) => describeGroup({ domain, domains, experts, number, parts, expertBytes: options.expertBytes })));
    reports.set(domain.name, describeDomain(domain, wanted[index]!, parts));
  });
  return { groups, domains: reports };
}

function assertDomains(domains: readonly GroupDomain[], { budgetBytes, expertBytes }: GroupPlanOptions): void {
  if (domains.length === 0) throw invalid('domains', 'expected at least one domain');
  const names = new Set<string>();
  for (const { name, scores, coActivation } of domains) {
    if (name === '' || names.has(name)) throw invalid('domains', `expected names that are unique and not empty, got ${JSON.stringify(name)}${name === '' ? '' : ' twice'}`);
    names.add(name);
    assertScores(scores);
    for (const [layer, row] of scores) {
      const bytes = bytesOf(expertBytes, layer);
      if (!(bytes > 0 && Number.isFinite(bytes))) throw invalid('expertBytes', `expected the bytes of an expert of layer ${layer}, got ${bytes}`);
      if (!(budgetBytes >= bytes && Number.isFinite(budgetBytes))) throw invalid('budgetBytes', `expected room for at least one expert (${bytes} bytes in layer ${layer}), got ${budgetBytes}`);
      const experts = coActivation?.get(layer)?.experts ?? row.length;
      if (experts !== row.length) throw invalid('coActivation', `domain ${JSON.stringify(name)}, layer ${layer}: counts of ${experts} experts, scores of ${row.length}`);
    }
  }
}

/** Each contested expert to one domain. */
function resolveContests(domains: readonly GroupDomain[], wanted: readonly ExpertSelection[]): ExpertSelection[] {
  const claims = new Map<string, number[]>();
  wanted.forEach((selection, index) => {
    for (const [layer, experts] of selection) for (const expert of experts) claims.set(`${layer}.${expert}`, [...(claims.get(`${layer}.${expert}`) ?? []), index]);
  });
  const isLone = (layer: number, expert: number): boolean => claims.get(`${layer}.${expert}`)?.length === 1;
  const value = (index: number, layer: number, expert: number): number => {
    const partners = wanted[index]!.get(layer)!.filter((other) => isLone(layer, other));
    return shareOf(domains[index]!, layer, [expert]) + pullOf(domains[index]!.coActivation?.get(layer), expert, partners);
  };
  const ownerOf = (layer: number, expert: number): number => {
    const claimants = claims.get(`${layer}.${expert}`)!;
    if (claimants.length === 1) return claimants[0]!;
    const values = claimants.map((index) => value(index, layer, expert));
    return claimants[values.indexOf(Math.max(...values))]!;
  };
  return wanted.map((selection, index) => new Map(Array.from(selection, ([layer, experts]) => [layer, experts.filter((expert) => ownerOf(layer, expert) === index)])));
}

/** An expert's co-activation with others, on the scale of a share: with all others it is the expert's share itself. */
function pullOf(coActivation: CoActivation | undefined, expert: number, partners: readonly number[]): number {
  if (coActivation === undefined || coActivation.expertsPerToken < 2) return 0;
  const { experts, expertsPerToken, counts } = coActivation;
  let assignments = 0;
  for (let id = 0; id < experts; id++) assignments += counts[id * experts + id]!;
  const together = partners.reduce((sum, other) => sum + counts[expert * experts + other]!, 0);
  return assignments === 0 ? 0 : together / ((expertsPerToken - 1) * assignments);
}

/** Splits a domain's experts into the fewest groups that fit. */
function formGroups(domain: GroupDomain, owned: ExpertSelection, options: GroupPlanOptions & { readonly groupsPerDomain: number }): ExpertSelection[] {
  const { budgetBytes, expertBytes, groupsPerDomain } = options;
  const total = sizeOf(owned, expertBytes);
  if (total === 0) return [];
  for (let count = Math.ceil(total / budgetBytes); count <= groupsPerDomain; count++) {
    const sizes = dealSizes(owned, count, expertBytes);
    if (sizes.bytes.every((bytes) => bytes <= budgetBytes)) return dealExperts(domain, owned, sizes.byLayer);
  }
  return formGroups(domain, shrink(domain, owned, options), options);
}

/** What fits into the allowed groups, or, where even dealing wastes room, one expert less than before. */
function shrink({ scores }: GroupDomain, owned: ExpertSelection, { budgetBytes, expertBytes, groupsPerDomain }: GroupPlanOptions & { readonly groupsPerDomain: number }): ExpertSelection {
  const ranked = [...owned].flatMap(([layer, experts]) => experts.map((expert) => ({ layer, expert, density: scores.get(layer)![expert]! / bytesOf(expertBytes, layer) })));
  ranked.sort((a, b) => b.density - a.density || a.layer - b.layer || a.expert - b.expert);
  let left = groupsPerDomain * budgetBytes;
  const kept = ranked.slice(0, -1).filter(({ layer }) => (left -= bytesOf(expertBytes, layer)) >= 0);
  const isKept = new Set(kept.map(({ layer, expert }) => `${layer}.${expert}`));
  return new Map(Array.from(owned, ([layer, experts]) => [layer, experts.filter((expert) => isKept.has(`${layer}.${expert}`))]));
}

/** How many experts of each layer each of `count` groups gets. */
function dealSizes(owned: ExpertSelection, count: number, expertBytes: GroupPlanOptions['expertBytes']): { readonly byLayer: ReadonlyMap<number, readonly number[]>; readonly bytes: readonly number[] } {
  const bytes = Array.from<number>({ length: count }).fill(0);
  const byLayer = new Map<number, number[]>();
  for (const [layer, experts] of owned) {
    const sizes = Array.from<number>({ length: count }).fill(Math.floor(experts.length / count));
    const lightest = bytes.map((_, group) => group).sort((a, b) => bytes[a]! - bytes[b]!);
    for (const group of lightest.slice(0, experts.length % count)) sizes[group]!++;
    sizes.forEach((size, group) => (bytes[group]! += size * bytesOf(expertBytes, layer)));
    byLayer.set(layer, sizes);
  }
  return { byLayer, bytes };
}

/** Which experts: parts by co-activation, then, among groups of one size, the heaviest part to the group that has covered least. */
function dealExperts(domain: GroupDomain, owned: ExpertSelection, sizes: ReadonlyMap<number, readonly number[]>): ExpertSelection[] {
  const count = sizes.values().next().value!.length;
  const groups = Array.from({ length: count }, () => new Map<number, number[]>());
  const mass = groups.map(() => 0);
  for (const [layer, experts] of owned) {
    const parts = splitLayer(domain, { layer, experts, sizes: sizes.get(layer)! });
    const masses = parts.map((part) => shareOf(domain, layer, part));
    const order = parts.map((_, index) => index).sort((a, b) => masses[b]! - masses[a]!);
    const free = new Set(groups.keys());
    for (const part of order) {
      const group = [...free].filter((index) => sizes.get(layer)![index] === parts[part]!.length).sort((a, b) => mass[a]! - mass[b]! || a - b)[0]!;
      free.delete(group);
      groups[group]!.set(layer, parts[part]!);
    }
    groups.forEach((group, index) => (mass[index]! += shareOf(domain, layer, group.get(layer)!)));
  }
  return groups;
}

function splitLayer({ scores, coActivation }: GroupDomain, { layer, experts, sizes }: { layer: number; experts: readonly number[]; sizes: readonly number[] }): number[][] {
  const row = scores.get(layer)!;
  const isOwned = new Set(experts);
  const ranked = rankExperts(row).filter((expert) => isOwned.has(expert));
  const together = coActivation?.get(layer);
  if (together === undefined) return dealByScore(ranked, sizes);
  const weights = ranked.flatMap((a) => ranked.map((b) => together.counts[a * together.experts + b]!));
  return splitTogether({ weights, sizes }).map((part) => part.map((item) => ranked[item]!));
}

/** Round after round, so that each part gets its share of the high and of the low scores. */
function dealByScore(ranked: readonly number[], sizes: readonly number[]): number[][] {
  const parts: number[][] = sizes.map(() => []);
  let part = 0;
  for (const expert of ranked) {
    while (parts[part]!.length === sizes[part]!) part = (part + 1) % sizes.length;
    parts[part]!.push(expert);
    part = (part + 1) % sizes.length;
  }
  return parts;
}

interface GroupParts {
  readonly domain: GroupDomain;
  readonly domains: readonly GroupDomain[];
  readonly experts: ExpertSelection;
  readonly number: number;
  readonly parts: readonly ExpertSelection[];
  readonly expertBytes: GroupPlanOptions['expertBytes'];
}

function describeGroup({ domain, domains, experts, number, parts, expertBytes }: GroupParts): ExpertGroup {
  const { inside, touching } = countTogether(domain, experts, parts);
  return {
    id: `${domain.name}-${number}`,
    domain: domain.name,
    experts,
    expertCount: countOf(experts),
    sizeBytes: sizeOf(experts, expertBytes),
    coverage: new Map(domains.map((other) => [other.name, coverageOf(other, [experts])])),
    coActivationKept: domain.coActivation === undefined ? undefined : ratio(inside, touching),
  };
}

function describeDomain(domain: GroupDomain, wanted: ExpertSelection, parts: readonly ExpertSelection[]): DomainPlan {
  const counts = parts.map((part) => countTogether(domain, part, parts));
  const inside = counts.reduce((sum, count) => sum + count.inside, 0);
  // A pair across two groups touches both.
  const all = inside + counts.reduce((sum, count) => sum + count.touching - count.inside, 0) / 2;
  return {
    wantedExperts: countOf(wanted),
    plannedExperts: parts.reduce((sum, part) => sum + countOf(part), 0),
    coverage: coverageOf(domain, parts),
    coActivationKept: domain.coActivation === undefined ? undefined : ratio(inside, all),
  };
}

/** Co-activation of the pairs with both experts in a group, and of those with at least one in it and the other in any group of the domain. */
function countTogether({ coActivation }: GroupDomain, group: ExpertSelection, parts: readonly ExpertSelection[]): { readonly inside: number; readonly touching: number } {
  let inside = 0;
  let touching = 0;
  for (const [layer, own] of group) {
    const together = coActivation?.get(layer);
    if (together === undefined) continue;
    const all = parts.flatMap((part) => part.get(layer) ?? []);
    const sum = (others: readonly number[]): number => own.reduce((total, a) => total + others.reduce((part, b) => part + (a === b ? 0 : together.counts[a * together.experts + b]!), 0), 0);
    inside += sum(own) / 2;
    touching += sum(all) - sum(own) / 2;
  }
  return { inside, touching };
}

/** Mean over the domain's layers of the share of its routing mass that these selections, which share no expert, cover. */
function coverageOf(domain: GroupDomain, selections: readonly ExpertSelection[]): number {
  const layers = [...domain.scores.keys()];
  const shares = layers.map((layer) => selections.reduce((sum, selection) => sum + shareOf(domain, layer, selection.get(layer) ?? []), 0));
  return shares.reduce((sum, share) => sum + share, 0) / Math.max(1, layers.length);
}

/** Share of a layer's scores. */
function shareOf({ scores }: GroupDomain, layer: number, experts: readonly number[]): number {
  const row = scores.get(layer)!;
  return ratio(experts.reduce((sum, expert) => sum + (row[expert] ?? 0), 0), row.reduce((sum, score) => sum + score, 0));
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function countOf(selection: ExpertSelection): number {
  return [...selection.values()].reduce((sum, experts) => sum + experts.length, 0);
}

function sizeOf(selection: ExpertSelection, expertBytes: GroupPlanOptions['expertBytes']): number {
  return [...selection].reduce((sum, [layer, experts]) => sum + experts.length * bytesOf(expertBytes, layer), 0);
}

function bytesOf(expertBytes: GroupPlanOptions['expertBytes'], layer: number): number {
  return typeof expertBytes === 'number' ? expertBytes : (expertBytes.get(layer) ?? Number.NaN);
}

function invalid(field: string, message: string): MoeError<'groups-invalid'> {
  return new MoeError('groups-invalid', { message: `expert groups, ${field}: ${message}`, context: { field } });
}
