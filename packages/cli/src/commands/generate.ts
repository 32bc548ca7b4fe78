/**
 * `connito generate`: text from a model, one prompt or a conversation.
 *
 * @module
 */
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Option, type Command } from 'commander';
import type { TokenGenerator } from '@connito/moe-engine';
import type { Tokenizer } from '@connito/dataset';
import { CliError } from '../cli-error.ts';
import { wantsColor, type CliContext } from '../context.ts';
import { addEngineOptions, engineChoice, type EngineFlags } from '../engine-options.ts';
import { openChatTemplate, type ChatMessage } from '../generation/chat-template.ts';
import { readStopTokens } from '../generation/stop-tokens.ts';
import { createTextStream } from '../generation/text-stream.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';
import { addPresentOptions, readPresent, type PresentFlags } from '../present-experts.ts';
import { openProgress } from '../progress.ts';
import { createPaint } from '../terminal.ts';

interface GenerateFlags extends EngineFlags, PresentFlags {
  readonly model: string;
  readonly prompt?: string;
  readonly chat?: true;
  readonly experts?: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP: number;
  readonly seed: string;
  readonly stop: boolean;
  readonly json?: true;
}

/** Adds `connito generate`. */
export function registerGenerate(program: Command, context: CliContext): void {
  const command = addEngineOptions(
    addPresentOptions(
      program
        .command('generate')
        .description('Let a model go on with a text, token by token. Without --prompt it reads one from a pipe, or line after line from the terminal.')
        .requiredOption('--model <directory>', 'checkpoint in Hugging Face layout with its tokenizer: full, right-sized, or partial with --present')
        .option('--prompt <text>', 'what to go on with')
        .option('--chat', "write prompts as the model's chat template does, and answer as the assistant")
        .option('--experts <file>', "trained experts in place of the model's: a miner's update or their weights as F32 safetensors")
        .option('--max-tokens <count>', 'tokens to generate at most', wholeNumber({ min: 1, max: 1_000_000 }), 128)
        .option('--temperature <number>', '0 takes the likeliest token each time; 1 draws as likely as the model says', decimalNumber({ min: 0, max: 100 }), 0)
        .option('--top-k <count>', 'draw only from so many of the likeliest', wholeNumber({ min: 1, max: 1_000_000 }))
        .option('--top-p <share>', 'draw only from the likeliest that together have this probability', decimalNumber({ min: 1e-6, max: 1 }), 1)
        .option('--seed <text>', 'same seed, same draws', '')
        .addOption(new Option('--no-stop', "go on after the model's end-of-text token")),
    ),
  ).action((flags: GenerateFlags) => generate(flags, context));
  describeUse(
    command,
    ['connito generate --model model/ --prompt "The theorem says"', 'connito generate --model model/ --experts update.safetensors --temperature 0.8 --top-p 0.95 --seed a', 'echo "Once upon a time" | connito generate --model law-model/ --max-tokens 400'],
    'print prompt, text, token ids and speed as JSON at the end',
  );
}

interface Speaker {
  readonly flags: GenerateFlags;
  readonly context: CliContext;
  readonly generator: TokenGenerator;
  readonly tokenizer: Tokenizer;
  readonly stopIds: readonly number[];
}

async function generate(flags: GenerateFlags, context: CliContext): Promise<void> {
  const { openTokenizer } = await import('@connito/dataset');
  await access(flags.model);
  const tokenizer = await openTokenizer(flags.model);
  const stopIds = flags.stop ? await readStopTokens(flags.model) : [];
  const template = flags.chat ? await openChatTemplate(flags.model) : undefined;
  if (flags.chat && template === undefined) throw new CliError('usage', `${flags.model} has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json): leave --chat out`);
  const toText = template ?? plainText;
  const prompt = flags.prompt ?? (await readPipe());
  if (prompt === '') throw new CliError('usage', 'The prompt is empty: there is nothing to go on with');
  const progress = openProgress(context);
  progress.show(`loading ${flags.model}`);
  const generator = await openGenerator(flags, context).finally(() => progress.clear());
  const speaker: Speaker = { flags, context, generator, tokenizer, stopIds };
  try {
    if (prompt === undefined) await converse(speaker, toText);
    else await answer(speaker, toText([{ role: 'user', content: prompt }]));
  } finally {
    await generator.close();
  }
}

async function openGenerator(flags: GenerateFlags, context: CliContext): Promise<TokenGenerator> {
  const { openCheckpoint } = await import('@connito/moe-core/node');
  const { createGenerator } = await import('@connito/moe-engine');
  const present = await readPresent(flags);
  const checkpoint = await openCheckpoint(flags.model, { present: present?.experts });
  try {
    const experts = flags.experts === undefined ? undefined : await (await import('@connito/pol-scoring/onnx')).readCandidate(flags.experts, checkpoint);
    return await createGenerator({ checkpoint, present, ...(experts === undefined ? {} : { experts }), ...engineChoice(flags, context) });
  } finally {
    await checkpoint.close();
  }
}

/** A model without a template goes on with what was said. */
function plainText(messages: readonly ChatMessage[]): string {
  return messages.map(({ content }) => content).join('');
}

/** The text that is piped in; `undefined` on a terminal. One line break at its end is the pipe's, not the prompt's. */
async function readPipe(): Promise<string | undefined> {
  if (process.stdin.isTTY === true) return undefined;
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8').replace(/\r?\n$/, '');
}

/** A line, an answer, a line; an empty line or the end of the input ends it. */
async function converse(speaker: Speaker, toText: (messages: readonly ChatMessage[]) => string): Promise<void> {
  const { context } = speaker;
  const lines = createInterface({ input: process.stdin, output: process.stderr, signal: context.signal, prompt: '> ' });
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const messages: ChatMessage[] = [];
  try {
    lines.prompt();
    for await (const content of lines) {
      if (content === '') return;
      messages.push({ role: 'user', content });
      messages.push({ role: 'assistant', content: await answer(speaker, toText(messages)) });
      lines.prompt();
    }
    context.signal.throwIfAborted();
  } finally {
    lines.close();
  }
}

/** Generates, writing as it comes, and says how fast it was. @returns the generated text */
async function answer({ flags, context, generator, tokenizer, stopIds }: Speaker, prompt: string): Promise<string> {
  const promptIds = tokenizer.encode(prompt, { addSpecialTokens: !flags.chat });
  const stream = createTextStream((ids) => tokenizer.decode(ids, { skipSpecialTokens: stopIds.length > 0 }));
  const ids: number[] = [];
  let text = '';
  const write = (piece: string): void => {
    text += piece;
    if (!flags.json) context.stdout.write(withoutControls(piece));
  };
  const begun = performance.now();
  let first = begun;
  for await (const id of generator.generate(promptIds, { ...sampling(flags), maxTokens: flags.maxTokens, stopIds, signal: context.signal })) {
    if (ids.length === 0) first = performance.now();
    ids.push(id);
    write(stream.push(id));
  }
  write(stream.end());
  const speed = measure({ promptTokens: promptIds.length, tokens: ids.length, begun, first: ids.length === 0 ? performance.now() : first });
  if (flags.json) context.printJson({ model: flags.model, device: generator.device, prompt, text, ids, promptTokens: promptIds.length, ...speed });
  else report(context, { tokens: ids.length, promptTokens: promptIds.length, device: generator.device, ...speed });
  return text;
}

function sampling({ temperature, topK, topP, seed }: GenerateFlags): { readonly temperature: number; readonly topK?: number; readonly topP: number; readonly seed: string } {
  return { temperature, topP, seed, ...(topK === undefined ? {} : { topK }) };
}

/** Speeds in tokens per second. */
interface Speed {
  /** Of reading the prompt, which also gives the first token. */
  readonly promptSpeed: number;
  /** Of the tokens after the first; `undefined` where there are none. */
  readonly speed: number | undefined;
}

function measure({ promptTokens, tokens, begun, first }: { readonly promptTokens: number; readonly tokens: number; readonly begun: number; readonly first: number }): Speed {
  const promptSpeed = (promptTokens / (first - begun)) * 1000;
  return { promptSpeed, speed: tokens > 1 ? ((tokens - 1) / (performance.now() - first)) * 1000 : undefined };
}

function report({ stdout, stderr, env }: CliContext, { tokens, promptTokens, device, promptSpeed, speed }: Speed & { readonly tokens: number; readonly promptTokens: number; readonly device: string }): void {
  stdout.write('\n');
  const generated = speed === undefined ? `${tokens} tokens` : `${tokens} tokens at ${speed.toFixed(1)} tokens/s`;
  stderr.write(`${createPaint(wantsColor(stderr, env)).dim(`prompt ${promptTokens} tokens at ${promptSpeed.toFixed(1)} tokens/s · generated ${generated} (${device})`)}\n`);
}

/** What a model writes must not move the cursor: control characters but line breaks and tabs are left out. */
function withoutControls(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '');
}
