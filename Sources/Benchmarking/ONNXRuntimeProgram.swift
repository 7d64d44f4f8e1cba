/// The Python program that runs a model on ONNX Runtime and answers requests.
///
/// It keeps one session. Threads of ONNX Runtime spin for a moment after each run, as they do for everybody; whoever asks
/// waits until that is over before measuring something else.
let onnxRuntimeProgram = """
    import json, os, select, signal, sys, threading, time

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    requests = os.fdopen(os.dup(0), "rb")


    def end_with_the_caller():
        poll = select.poll()
        poll.register(0, 0)
        poll.poll()
        os._exit(0)


    threading.Thread(target=end_with_the_caller, daemon=True).start()


    def reply(**answer):
        replies.write(json.dumps(answer).encode() + b"\\n")
        replies.flush()


    def load(request):
        global session
        import numpy, onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = request["threads"]
        options.log_severity_level = 4
        start = time.perf_counter()
        session = onnxruntime.InferenceSession(request["model"], options, providers=["CPUExecutionProvider"])
        reply(seconds=time.perf_counter() - start, version=onnxruntime.__version__)


    def run(request):
        global feeds, fetches
        import numpy
        feeds, fetches = {}, request["outputs"]
        for entry in request["inputs"]:
            data = requests.read(entry["byteCount"])
            feeds[entry["name"]] = numpy.frombuffer(data, dtype=entry["type"]).reshape(entry["shape"])
        results = [numpy.ascontiguousarray(result).reshape(numpy.shape(result)) for result in session.run(fetches, feeds)]
        if any(result.dtype == object for result in results):
            raise TypeError("an output is no tensor of numbers")
        reply(outputs=[dict(type=str(r.dtype), shape=list(r.shape), byteCount=r.nbytes) for r in results])
        for result in results:
            replies.write(result.tobytes())
        replies.flush()


    def measure(request):
        begin = time.perf_counter()
        while True:
            session.run(fetches, feeds)
            if time.perf_counter() - begin >= request["seconds"] / 10:
                break
        times = []
        while True:
            start = time.perf_counter()
            session.run(fetches, feeds)
            end = time.perf_counter()
            times.append(end - start)
            if len(times) >= request["limit"] or end - begin >= request["seconds"]:
                break
        reply(seconds=times, processorSeconds=time.process_time(), peakByteCount=peak())


    def peak():
        try:
            with open("/proc/self/status") as status:
                return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
        except (OSError, StopIteration):
            import resource
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


    for line in requests:
        request = json.loads(line)
        try:
            {"load": load, "run": run, "measure": measure}[request["request"]](request)
        except ModuleNotFoundError as error:
            reply(error=str(error), missingModule=error.name)
        except Exception as error:
            reply(error=" ".join(str(error).split()) or type(error).__name__)
    """
