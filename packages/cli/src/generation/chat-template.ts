/**
 * A conversation as the text that a chat model was trained on, by the template that stands with its tokenizer.
 *
 * @see https://huggingface.co/docs/transformers/chat_templating
 * @module
 */
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { CliError } from '../cli-error.ts';
import { readOptionalText } from './optional-file.ts';

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Writes a conversation down, up to where the assistant's next answer begins. */
export type ChatTemplate = (messages: readonly ChatMessage[]) => string;

/** From chat_template.jinja, or `chat_template` of tokenizer_config.json; `undefined` where the model has neither. @throws CliError `data` */
export async function openChatTemplate(model: string): Promise<ChatTemplate | undefined> {
  const config = await readConfig(join(model, 'tokenizer_config.json'));
  const source = (await readOptionalText(join(model, 'chat_template.jinja'))) ?? config['chat_template'];
  if (source === undefined || source === null) return undefined;
  if (typeof source !== 'string') throw new CliError('data', `${model}: expected chat_template to be one text, got ${Array.isArray(source) ? 'a list' : typeof source}`);
  const template = attempt(model, () => new Template(source));
  const tokens = { bos_token: tokenText(config['bos_token']), eos_token: tokenText(config['eos_token']) };
  return (messages) => attempt(model, () => template.render({ messages, add_generation_prompt: true, ...tokens }));
}

async function readConfig(path: string): Promise<Record<string, unknown>> {
  const text = await readOptionalText(path);
  if (text === undefined) return {};
  const value: unknown = attempt(path, () => JSON.parse(text));
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** A token is a text, or an object with its `content`. */
function tokenText(stated: unknown): string {
  if (typeof stated === 'string') return stated;
  return typeof stated === 'object' && stated !== null && 'content' in stated && typeof stated.content === 'string' ? stated.content : '';
}

function attempt<T>(where: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new CliError('data', `The chat template of ${where} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
