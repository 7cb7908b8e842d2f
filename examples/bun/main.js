// bun run main.js LOGITS.f32 TARGETS.i32 CLASSES
// Raw little-endian float32 logits [N, C] and int32 targets [N]; the files are mapped, not read, and stream by in tiles.
import { backend, SigmoidFocalLoss, SoftmaxFocalLoss } from 'focal-simd';

const [logitsFile, targetsFile, classes] = Bun.argv.slice(2);
const targets = new Int32Array(Bun.mmap(targetsFile).buffer);
const logits = { data: new Float32Array(Bun.mmap(logitsFile).buffer), dims: [targets.length, Number(classes)] };

console.log(`softmax: ${new SoftmaxFocalLoss().forward(logits, targets).toPrecision(8)}`);
console.log(`sigmoid: ${new SigmoidFocalLoss().forward(logits, targets).toPrecision(8)}`);
console.log(`${targets.length} samples, backend ${backend()}`);
