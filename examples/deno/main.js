// deno run --allow-read main.js LOGITS.f32 TARGETS.i32 CLASSES
// Raw little-endian float32 logits [N, C] and int32 targets [N]; prints the loss under each γ.
import { backend, SoftmaxFocalLoss } from 'npm:focal-simd';

const [logitsFile, targetsFile, classes] = Deno.args;
const logits = new Float32Array((await Deno.readFile(logitsFile)).buffer);
const targets = new Int32Array((await Deno.readFile(targetsFile)).buffer);

for (const gamma of [0, 1, 2, 5]) {
  const loss = new SoftmaxFocalLoss({ gamma });
  const value = loss.forward({ data: logits, dims: [targets.length, Number(classes)] }, targets);
  console.log(`γ = ${gamma}: ${value.toPrecision(8)}`);
}
console.log(`${targets.length} samples, backend ${backend()}`);
