# Linguist's answers to a listing: its API in one process, CPU seconds without start and reading.
# stdin: {"mode": "names" | "content", "files": [[file, name], ...]}; stdout: see detectors.py.
begin
  require "json"
  require "linguist"
rescue LoadError
  warn "apt-get install ruby-github-linguist"
  exit 3
end

# A text without a name is never classified by Linguist.detect: then its classifier is asked
# to choose among all languages.
def detect(blob, mode)
  found = Linguist.detect(blob)
  return found.name if found
  return nil if mode == "names" || blob.binary? || blob.data.empty?
  text = blob.data[0...Linguist::Classifier::CLASSIFIER_CONSIDER_BYTES]
  best = Linguist::Classifier.classify(Linguist::Samples.cache, text).first
  best && best[0]
end

job = JSON.parse(STDIN.read)
texts = job["files"].map { |file, name| [name, File.binread(file)] }
detect(Linguist::Blob.new("warm.h", "int x;\n"), job["mode"])
start = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID)
labels = texts.map { |name, data| detect(Linguist::Blob.new(name, data), job["mode"]) }
seconds = Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID) - start
version = "linguist #{Linguist::VERSION}"
puts JSON.generate({ version: version, seconds: seconds, labels: labels })
