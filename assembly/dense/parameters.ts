/** What a loss says of targets that are one number a logit. */
import {
  PARAM_CLASSES, PARAM_CLIP, PARAM_GAMMA, PARAM_GAMMA_NEGATIVE, PARAM_IGNORED, PARAM_LABEL_SMOOTHING, PARAM_LARGEST,
  PARAM_SMOOTHING, PARAM_UNIFORM, PARAM_VARIANT, SIGMOID,
} from '../../bindings/backend/constants';
import { param } from '../params';

/** A power's exponent: its whole part, and log₂e times its fraction. */
export let whole: i32 = 0;
export let wholeNegative: i32 = 0;
/** f32 each. */
const TABLE: usize = memory.data(64, 16);
export const FRACTION: usize = TABLE;
export const FRACTION_NEGATIVE: usize = TABLE + 4;
export const GAMMA: usize = TABLE + 8;
export const GAMMA_NEGATIVE: usize = TABLE + 12;
/** 1 − s and s/2 of the smoothing s. */
export const KEPT: usize = TABLE + 16;
export const ADDED: usize = TABLE + 20;
export const CLIP: usize = TABLE + 24;
/** Label smoothing: what t is multiplied by, and what is added. */
export const SMOOTH_KEPT: usize = TABLE + 28;
export const SMOOTH_ADDED: usize = TABLE + 32;
/**
 * The target that leaves a logit out, and the largest that there may be; NaN, which equals nothing, where none does.
 */
export const IGNORED: usize = TABLE + 36;
export const MOST: usize = TABLE + 40;

/** Whether negatives have a γ or a clip of their own, so that targets are to be 0 or 1. */
export let asymmetric: bool = false;
/** Whether the weights of the first logits are those of all, so that one block of them can stay in the cache. */
export let uniform: bool = false;
/** Whether targets that are all 0 or 1 go the way of labels. */
export let plain: bool = false;

export function configureDense(): void {
  const gamma = Math.min(param(PARAM_GAMMA), 1e36);
  const gammaNegative = Math.min(param(PARAM_GAMMA_NEGATIVE), 1e36);
  const smoothing = param(PARAM_SMOOTHING);
  const clip = param(PARAM_CLIP);
  const labelSmoothing = param(PARAM_LABEL_SMOOTHING);
  whole = i32(Math.min(gamma, 1073741824));
  wholeNegative = i32(Math.min(gammaNegative, 1073741824));
  asymmetric = gamma != gammaNegative || clip > 0;
  uniform = param(PARAM_UNIFORM) != 0;
  const ignored = param(PARAM_IGNORED);
  plain = param(PARAM_VARIANT) == SIGMOID && !asymmetric && ignored != 0 && ignored != 1;
  store<f32>(FRACTION, f32((gamma - whole) * Math.LOG2E));
  store<f32>(FRACTION_NEGATIVE, f32((gammaNegative - wholeNegative) * Math.LOG2E));
  store<f32>(GAMMA, f32(gamma));
  store<f32>(GAMMA_NEGATIVE, f32(gammaNegative));
  store<f32>(KEPT, f32(1 - smoothing));
  store<f32>(ADDED, f32(smoothing / 2));
  store<f32>(CLIP, f32(clip));
  store<f32>(SMOOTH_KEPT, f32(1 - labelSmoothing));
  store<f32>(SMOOTH_ADDED, f32(labelSmoothing / param(PARAM_CLASSES)));
  store<f32>(IGNORED, f32(ignored));
  store<f32>(MOST, f32(param(PARAM_LARGEST)));
}
