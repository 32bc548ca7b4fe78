"""Runs what `connito engine export` wrote through ONNX Runtime, and transformers with PyTorch beside it on the same device.

    pip install onnxruntime-gpu torch transformers safetensors numpy      (onnxruntime in place of onnxruntime-gpu: --device cpu only)
    python run.py --device cuda

Checks loss, token losses and the gradient of every trained tensor, in float32 without TF32. Then times both by turns and prints tokens per second and what
share of PyTorch's own matrix product they reach. Figures go to results.json; the exit code is 1 where something differs too much.
"""
import argparse, collections, json, pathlib, platform, statistics, sys, tempfile, time
import numpy, onnxruntime, torch, transformers
from safetensors import safe_open
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent
PROVIDER = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# Largest relative error: of a loss, and of a gradient in its L2 norm.
TOLERANCE = {"cpu": (1e-5, 1e-4), "cuda": (1e-5, 1e-3)}
# Side of the matrices whose product is the peak.
PEAK_SIDE = {"cpu": 1024, "cuda": 8192}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", choices=PROVIDER, default="cuda")
    parser.add_argument("--repeats", type=int, default=11, help="timed steps of each, by turns")
    parser.add_argument("--threads", type=int, default=0, help="of the processor (default: as many as the libraries take)")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results.json")
    return parser.parse_args()


class Graph:
    """One exported graph with its weights and inputs on the device."""

    def __init__(self, name, description, tensors, args, profile=None):
        self.outputs = description["outputs"]
        options = onnxruntime.SessionOptions()
        if profile:
            options.enable_profiling, options.profile_file_prefix = True, profile
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.intra_op_num_threads = args.threads
        provider = (PROVIDER[args.device], {"use_tf32": "0"}) if args.device == "cuda" else PROVIDER[args.device]
        self.session = onnxruntime.InferenceSession(str(HERE / f"{name}.onnx"), options, providers=[provider])
        if PROVIDER[args.device] not in self.session.get_providers():
            sys.exit(f"ONNX Runtime {onnxruntime.__version__} has no working {PROVIDER[args.device]} (available: {onnxruntime.get_available_providers()}): "
                     "install onnxruntime-gpu with the CUDA and cuDNN it asks for, or run with --device cpu")
        self.binding = self.session.io_binding()
        for key in description["weights"] + description["inputs"]:
            self.binding.bind_ortvalue_input(key, onnxruntime.OrtValue.ortvalue_from_numpy(tensors[key], args.device, 0))
        for key in self.outputs.values():
            self.binding.bind_output(key, args.device, 0)

    def step(self):
        self.session.run_with_iobinding(self.binding)
        self.binding.synchronize_outputs()

    def run(self):
        self.step()
        values = [value.numpy() for value in self.binding.get_outputs()]
        return dict(zip(self.outputs, values))


def placement(name, description, tensors, args):
    """How many nodes of a graph each provider computes: what CUDA has no kernel for falls to the processor."""
    with tempfile.TemporaryDirectory() as folder:
        graph = Graph(name, description, tensors, args, profile=f"{folder}/run")
        graph.step()
        events = json.loads(pathlib.Path(graph.session.end_profiling()).read_text())
    kernels = (event for event in events if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"))
    return dict(collections.Counter(event["args"]["provider"] for event in kernels))


class Reference:
    """The same step in transformers. Its experts are fused tensors, so gradients come for all experts of a trained layer."""

    def __init__(self, run, tokens, device):
        self.run, self.device = run, device
        self.tokens = torch.from_numpy(tokens.astype(numpy.int64)).to(device)
        self.model = AutoModelForCausalLM.from_pretrained(HERE / "model", dtype=torch.float32, attn_implementation="eager").to(device).eval()
        self.model.requires_grad_(False)
        for layer in {entry["layer"] for entry in run["gradients"]}:
            for parameter in self.experts(layer).parameters():
                parameter.requires_grad_(True)

    def experts(self, layer):
        return self.model.model.layers[layer].mlp.experts

    def choose(self, implementation):
        self.model.config._experts_implementation = implementation

    def losses(self):
        logits = self.model(input_ids=self.tokens, use_cache=False).logits[:, :-1]
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), self.tokens[:, 1:].flatten(), reduction="none")

    def training(self):
        self.model.zero_grad(set_to_none=True)
        loss = self.losses().mean()
        loss.backward()
        self.wait()
        return loss.item()

    def evaluation(self):
        with torch.no_grad():
            losses = self.losses()
        self.wait()
        return losses

    def gradient(self, layer, expert, projection):
        fused = self.experts(layer)
        if projection == "down":
            return fused.down_proj.grad[expert].cpu().numpy()
        gate, up = fused.gate_up_proj.grad[expert].chunk(2)
        return (gate if projection == "gate" else up).cpu().numpy()

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()


def relative(actual, expected):
    norm = numpy.linalg.norm(expected.astype(numpy.float64))
    return float(numpy.linalg.norm(actual.astype(numpy.float64) - expected) / (norm or 1))


def compare(training, evaluation, reference):
    reference.choose("eager")
    given, losses = training.run(), evaluation.run()["losses"].reshape(-1)
    loss = reference.training()
    errors = [(entry["name"], relative(given[entry["name"]], reference.gradient(entry["layer"], entry["expert"], entry["projection"]))) for entry in reference.run["gradients"]]
    worst = max(errors, key=lambda pair: pair[1] if pair[1] == pair[1] else float("inf"))
    load = {int(name[4:]): numpy.bincount(ids.reshape(-1)).tolist() for name, ids in given.items() if name.startswith("ids.")}
    return {
        "loss": float(given["loss"].reshape(-1)[0]), "pytorchLoss": loss,
        "lossError": abs(float(given["loss"].reshape(-1)[0]) - loss) / abs(loss),
        "tokenLossError": relative(losses, reference.evaluation().cpu().numpy()),
        "gradients": len(errors), "worstGradientError": worst[1], "worstGradient": worst[0],
    }, load


def peak(device, repeats):
    side = PEAK_SIDE[device]
    a, b = torch.randn(side, side, device=device), torch.randn(side, side, device=device)
    torch.mm(a, b)
    best = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        torch.mm(a, b)
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begun)
    return 2 * side**3 / best


def implementations(reference):
    """Those of transformers that run on this device; batched_mm copies weights for every token, which leaves it far behind."""
    for name in ("grouped_mm", "eager"):
        reference.choose(name)
        try:
            reference.training()
        except Exception as error:
            print(f"PyTorch's experts as {name}: not on this device ({str(error).splitlines()[0]})", file=sys.stderr)
            continue
        yield name


def measure(graphs, reference, args):
    """Medians of seconds, all subjects by turns in every round."""
    subjects = {f"ONNX Runtime, {purpose}": graph.step for purpose, graph in graphs.items()}
    for name in implementations(reference):
        for purpose in graphs:
            def turn(name=name, step=getattr(reference, purpose)):
                reference.choose(name)
                step()
            subjects[f"PyTorch {name}, {purpose}"] = turn
    for step in subjects.values():
        step(), step()
    times = {name: [] for name in subjects}
    for _ in range(args.repeats):
        for name, step in subjects.items():
            begun = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(entries) for name, entries in times.items()}


def training_flops(run, load):
    per = {int(layer): flops for layer, flops in run["flops"]["perTrainedAssignment"].items()}
    trained = {(entry["layer"], entry["expert"]) for entry in run["gradients"]}
    return run["flops"]["training"] + sum(per[layer] * (load[layer][expert] if expert < len(load[layer]) else 0) for layer, expert in trained)


def main():
    args = arguments()
    if args.device == "cuda" and not torch.cuda.is_available():
        sys.exit("PyTorch sees no CUDA device: install a build of it for CUDA and check `nvidia-smi`, or run with --device cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if args.threads:
        torch.set_num_threads(args.threads)
    run = json.loads((HERE / "run.json").read_text())
    tensors = {**load_file(HERE / "inputs.safetensors"), **weights(run)}
    nodes = {purpose: placement(purpose, description, tensors, args) for purpose, description in run["graphs"].items()}
    graphs = {purpose: Graph(purpose, description, tensors, args) for purpose, description in run["graphs"].items()}
    reference = Reference(run, tensors["tokens"], args.device)
    checks, load = compare(graphs["training"], graphs["evaluation"], reference)
    print(json.dumps({**checks, "nodes": nodes}, indent=1))
    loss_limit, gradient_limit = TOLERANCE[args.device]
    agrees = checks["lossError"] <= loss_limit and checks["tokenLossError"] <= loss_limit and checks["worstGradientError"] <= gradient_limit
    seconds, best = measure(graphs, reference, args), peak(args.device, args.repeats)
    flops = {"training": training_flops(run, load), "evaluation": run["flops"]["evaluation"]}
    tokens = run["batchSize"] * run["sequenceLength"]
    rows = [{"subject": name, "seconds": time_, "tokensPerSecond": tokens / time_, "shareOfPeak": flops[name.rsplit(", ", 1)[1]] / time_ / best} for name, time_ in seconds.items()]
    for row in rows:
        print(f"{row['subject']:34} {row['seconds'] * 1e3:9.2f} ms {row['tokensPerSecond']:12,.0f} tokens/s {row['shareOfPeak']:7.1%} of {best / 1e9:,.0f} GFLOP/s")
    machine = {"device": torch.cuda.get_device_name(0) if args.device == "cuda" else platform.processor() or platform.machine(),
               "onnxruntime": onnxruntime.__version__, "torch": torch.__version__, "transformers": transformers.__version__, "python": platform.python_version()}
    args.out.write_text(json.dumps({"machine": machine, "agrees": agrees, "checks": checks, "nodes": nodes, "flops": flops, "peakFlopsPerSecond": best, "repeats": args.repeats, "steps": rows}, indent=1) + "\n")
    print(f"{'agrees with' if agrees else 'DIFFERS FROM'} PyTorch on {machine['device']}; {args.out}")
    return 0 if agrees else 1


def weights(run):
    """The checkpoint's tensors as float32, by their names on disk."""
    wanted = {name for graph in run["graphs"].values() for name in graph["weights"]}
    tensors = {}
    for path in sorted((HERE / "model").glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in wanted & set(file.keys()):
                tensors[name] = file.get_tensor(name).to(torch.float32).numpy()
    missing = wanted - set(tensors)
    if missing:
        sys.exit(f"model/ lacks {len(missing)} tensors, {min(missing)} among them: export again")
    return tensors


if __name__ == "__main__":
    sys.exit(main())
