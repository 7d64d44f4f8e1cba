import Foundation
import Testing

@testable import Reporting
@testable import Study
@testable import Training

/// Debian's Chromium, without a window.
enum Browser {
    static let executable: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return folders.map { $0 + "/chromium" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    struct Failure: Error {
        var output: String
    }

    /// Opens a page.
    /// - Returns: the document as it stands afterwards, and what the console says.
    static func open(_ page: URL, _ arguments: String...) throws -> (document: String, console: [String]) {
        let profile = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: profile) }
        try FileManager.default.createDirectory(at: profile, withIntermediateDirectories: true)
        let output = profile.appendingPathComponent("out"), errors = profile.appendingPathComponent("err")
        for url in [output, errors] { try Data().write(to: url) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(executable))
        // What the browser itself would fetch goes nowhere.
        process.arguments = [
            "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--proxy-server=127.0.0.1:9", "--user-data-dir=\(profile.path)", "--enable-logging=stderr",
        ] + (getuid() == 0 ? ["--no-sandbox"] : []) + arguments + [page.absoluteString]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        let text = try String(contentsOf: errors, encoding: .utf8)
        guard process.terminationStatus == 0 else { throw Failure(output: text) }
        let console = text.split(separator: "\n").map(String.init).filter { $0.contains("CONSOLE") }
        return (try String(contentsOf: output, encoding: .utf8), console)
    }

    /// What a page measures in a window of this width.
    struct Measures: Decodable {
        /// What would have to be scrolled sideways to.
        var width: Double
        /// What reaches beyond the right edge, unless it is inside something that scrolls by itself.
        var outliers: [String]
        /// Addresses of everything that was loaded besides the page.
        var resources: [String]
        var drawings: Int
        /// Drawings that take no room.
        var flatDrawings: Int
        var background: String
        /// Letters in drawings that are smaller than 9 pixels.
        var smallLetters: Int
    }

    /// Lays the page out in a frame of the given width and measures it.
    static func measure(_ html: String, width: Int, in folder: URL) throws -> (measures: Measures, console: [String]) {
        let page = folder.appendingPathComponent("measure-\(width).html")
        let source = html.map { ["&": "&amp;", "\"": "&quot;"][$0] ?? String($0) }.joined()
        try Data(
            """
            <!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">
            <iframe id="frame" width="\(width)" height="800" style="border: 0" srcdoc="\(source)"></iframe><pre id="result"></pre>
            <script>
            document.getElementById("frame").onload = event => {
              const view = event.target.contentWindow, page = view.document;
              const outliers = [...page.body.querySelectorAll("*")].filter(element => element.closest(".scroll") === null)
                .filter(element => element.getBoundingClientRect().right > page.documentElement.clientWidth)
                .map(element => element.tagName + " " + element.textContent.slice(0, 60));
              const drawings = [...page.querySelectorAll("figure > svg")];
              const letters = [...page.querySelectorAll("figure > svg text")].map(text => 13 * text.ownerSVGElement.getScreenCTM().a);
              document.getElementById("result").textContent = JSON.stringify({
                width: page.documentElement.scrollWidth, outliers: outliers,
                resources: view.performance.getEntriesByType("resource").map(entry => entry.name), drawings: drawings.length,
                flatDrawings: drawings.filter(drawing => drawing.getBoundingClientRect().height < 100).length,
                background: view.getComputedStyle(page.body).backgroundColor, smallLetters: letters.filter(size => size < 9).length,
              });
            };
            </script>
            """.utf8
        ).write(to: page)
        let (document, console) = try open(page, "--dump-dom", "--virtual-time-budget=10000", "--blink-settings=preferredColorScheme=1")
        let result = try #require(document.firstMatch(of: /<pre id="result">(.+)<\/pre>/), "\(document.suffix(500))")
        return (try JSONDecoder().decode(Measures.self, from: Data(result.1.utf8)), console)
    }
}

@Suite(.serialized, .enabled(if: Browser.executable != nil, "there is no chromium: scripts/install-dependencies.sh installs it"))
struct BrowserTests {
    private func trainingPage() -> String {
        var state = TrainingState()
        state.epoch = 12
        state.history = (1...12).map { epoch in
            EpochRecord(
                epoch: epoch, loss: 2 / Double(epoch), accuracy: 0.05 * Double(epoch), learningRate: 0.1, seconds: 65,
                imagesPerSecond: 1234, validation: .init(loss: 1.5, top1: 0.8357, top5: 1, seconds: 1))
        }
        return TrainingPage(
            model: "a-network-with-a-rather-long-name.onnx", data: "folder:/a/rather/long/path/to/a/folder/with/images",
            recipe: TrainingRecipe(
                epochs: 30, batchSize: 32, optimizer: .sgd(momentum: 0.9, nesterov: true), learningRate: 0.1, normalization: .unit),
            state: state
        ).html
    }

    @Test(arguments: [360, 700, 860, 1280])
    func pagesFitTheirWindow(width: Int) throws {
        try StudySample.with { folder, results in
            for (page, drawings) in [(StudyPage(results).html, 9), (trainingPage(), 4)] {
                let (measures, console) = try Browser.measure(page, width: width, in: folder)
                #expect(measures.width <= Double(width) && measures.outliers.isEmpty, "\(measures)")
                #expect(measures.drawings == drawings && measures.flatDrawings == 0 && measures.smallLetters == 0, "\(measures)")
                #expect(measures.resources.isEmpty && console.isEmpty, "\(measures.resources) \(console)")
                #expect(measures.background == "rgb(255, 255, 255)")
            }
        }
    }

    @Test func pagesRenderWithoutComplaint() throws {
        try StudySample.with { folder, results in
            for page in [StudyPage(results).html, trainingPage()] {
                let file = folder.appendingPathComponent("page.html")
                try Data(page.utf8).write(to: file)
                let (document, console) = try Browser.open(file, "--dump-dom")
                #expect(console.isEmpty, "\(console)")
                #expect(document.contains("<h2>") && document.contains("<polyline"))
            }
        }
    }

    /// A study without results is a page as well.
    @Test func emptyStudiesRender() throws {
        try StudySample.with(measured: 0) { folder, results in
            let (measures, console) = try Browser.measure(StudyPage(results).html, width: 360, in: folder)
            #expect(measures.width <= 360 && measures.outliers.isEmpty && measures.drawings == 4, "\(measures)")
            #expect(console.isEmpty, "\(console)")
        }
    }

    /// The measurements above find what they look for.
    @Test func faultsAreFound() throws {
        try StudySample.with { folder, results in
            let page = StudyPage(results).html
            let wide = page.replacing("</body>", with: "<div style=\"width: 700px\">.</div></body>")
            let width = try Browser.measure(wide, width: 360, in: folder).measures.width
            #expect(width > 360)
            let image = page.replacing("</body>", with: "<img src=\"http://127.0.0.1:9/a.png\"></body>")
            let console = try Browser.measure(image, width: 360, in: folder).console
            #expect(!console.isEmpty)
            let free = image.replacing(/<meta http-equiv[^>]*>/, with: "")
            let resources = try Browser.measure(free, width: 360, in: folder).measures.resources
            #expect(!resources.isEmpty)
        }
    }

    @Test func pagesFollowTheReadersColours() throws {
        try StudySample.with { folder, results in
            let file = folder.appendingPathComponent("page.html")
            for (page, text) in [("dark", "0"), ("light", "1")] {
                try Data(StudyPage(results).html.utf8).write(to: file)
                let picture = folder.appendingPathComponent("\(page).png").path
                _ = try Browser.open(
                    file, "--blink-settings=preferredColorScheme=\(text)", "--screenshot=\(picture)", "--window-size=400,600")
            }
            let sizes = try ["dark", "light"].map { try Data(contentsOf: folder.appendingPathComponent("\($0).png")) }
            #expect(sizes[0] != sizes[1])
            let paper = folder.appendingPathComponent("page.pdf")
            _ = try Browser.open(file, "--print-to-pdf=\(paper.path)")
            #expect(try Data(contentsOf: paper).starts(with: Data("%PDF".utf8)))
        }
    }
}
