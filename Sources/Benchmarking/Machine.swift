import Foundation

/// The machine that measures, as the operating system tells of it.
enum Machine {
    static var processorCount: Int { ProcessInfo.processInfo.activeProcessorCount }

    /// Processes that wanted to run, on average over the last minute; `nil` where the system does not say.
    static var loadAverage: Double? {
        var average = 0.0
        return getloadavg(&average, 1) == 1 ? average : nil
    }

    /// Seconds of work that all processors have done since the system started, those that a hypervisor took away included;
    /// `nil` where the system does not say (Linux does, in /proc/stat).
    static var busySeconds: Double? {
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8) else { return nil }
        return busyTicks(inProcStat: text).map { $0 / Double(max(1, sysconf(Int32(_SC_CLK_TCK)))) }
    }

    /// user + nice + system + irq + softirq + steal of the first line (man 5 proc); what guests took is part of user.
    static func busyTicks(inProcStat text: String) -> Double? {
        guard let line = text.split(separator: "\n").first else { return nil }
        let fields = line.split(separator: " ")
        guard fields.first == "cpu", fields.count >= 9 else { return nil }
        let ticks = fields[1...8].compactMap { Double($0) }
        guard ticks.count == 8 else { return nil }
        return ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]
    }

    /// Seconds of work that processors have done for this process.
    static var ownSeconds: Double {
        let usage = ownUsage
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    fileprivate static var ownUsage: rusage {
        var usage = rusage()
        #if os(Linux)
        getrusage(RUSAGE_SELF.rawValue, &usage)
        #else
        getrusage(RUSAGE_SELF, &usage)
        #endif
        return usage
    }
}

/// The most bytes of memory that this process has had resident at one time.
public func peakResidentByteCount() -> Int {
    #if os(Linux)
    // What getrusage tells includes the program that started this one, up to the moment of the start.
    if let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
        let kibibytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
    {
        return kibibytes * 1024
    }
    return Int(Machine.ownUsage.ru_maxrss) * 1024
    #else
    return Int(Machine.ownUsage.ru_maxrss)
    #endif
}
