#include "aof/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/crc32c.hpp"

namespace trefoil::aof {
namespace {

constexpr std::string_view kMagic = "TREFOILM ";
constexpr std::string_view kFirstLine = "TREFOILM 1";
constexpr std::size_t kMostWords = 8;  // of a line

std::string hex(std::uint64_t value, int digits) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, value >>= 4) {
    *at = kDigits[value & 15];
  }
  return text;
}

std::string hexBytes(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += hex(static_cast<unsigned char>(byte), 2);
  }
  return text;
}

template <typename Number>
bool parseNumber(std::string_view text, Number& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool parseHexBytes(std::string_view text, std::string& bytes) {
  if (text.size() % 2 != 0) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    if (!parseNumber(text.substr(i, 2), value, 16)) {
      return false;
    }
    bytes += static_cast<char>(value);
  }
  return true;
}

// "log-7.tfl" -> 7
bool parseFileNumber(std::string_view name, std::string_view prefix, std::string_view suffix, std::uint64_t& number) {
  return name.size() > prefix.size() + suffix.size() && name.starts_with(prefix) && name.ends_with(suffix) &&
         parseNumber(name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()), number);
}

// One more than any line has, if there are more.
std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> result;
  while (result.size() <= kMostWords) {
    const std::size_t space = line.find(' ');
    result.push_back(line.substr(0, space));
    if (space == std::string_view::npos) {
      break;
    }
    line.remove_prefix(space + 1);
  }
  return result;
}

bool parseSegment(const std::vector<std::string_view>& word, SegmentEntry& entry) {
  if (word.size() != kMostWords || word[2] != "epoch" || word[4] != "start" || word[6] != "end" ||
      !parseFileNumber(word[1], "log-", ".tfl", entry.number) || !parseNumber(word[3], entry.epoch) ||
      !parseNumber(word[5], entry.start)) {
    return false;
  }
  if (word[7] == "-") {
    return true;
  }
  return parseNumber(word[7], entry.end.emplace());
}

bool parseBase(const std::vector<std::string_view>& word, BaseEntry& entry) {
  return word.size() == 6 && word[2] == "start" && word[4] == "needs" &&
         parseFileNumber(word[1], "base-", ".tfs", entry.number) && parseNumber(word[3], entry.start) &&
         parseNumber(word[5], entry.needs);
}

bool parseLine(std::string_view line, Manifest& manifest) {
  const std::vector<std::string_view> word = words(line);
  if (word[0] == "segment") {
    return parseSegment(word, manifest.segments.emplace_back());
  }
  if (word[0] == "base" && !manifest.base) {
    return parseBase(word, manifest.base.emplace());
  }
  if (word[0] == "property" && word.size() == 3) {
    return parseHexBytes(word[2], manifest.properties[std::string(word[1])]);
  }
  if (word.size() != 2) {
    return false;
  }
  if (word[0] == "epoch") {
    return parseNumber(word[1], manifest.epoch);
  }
  if (word[0] == "next_file") {
    return parseNumber(word[1], manifest.next_file);
  }
  if (word[0] == "next_unit") {
    return parseNumber(word[1], manifest.next_unit);
  }
  if (word[0] == "hash_seed") {
    return parseNumber(word[1], manifest.hash_seed, 16);
  }
  return word[0] == "synced" && parseNumber(word[1], manifest.synced);
}

bool betweenRecords(Lsn lsn) {
  return lsn % kRecordAlignment == 0;
}

// What the lines say one by one must make sense together.
const char* inconsistency(const Manifest& manifest) {
  if (manifest.epoch == 0 || manifest.synced == 0 || manifest.segments.empty()) {
    return "epoch, synced mark or segments are missing";
  }
  if (manifest.epoch == UINT32_MAX || manifest.next_file == UINT64_MAX) {
    return "there is no next epoch or file number";
  }
  std::set<std::uint64_t> numbers;
  for (std::size_t i = 0; i < manifest.segments.size(); ++i) {
    const SegmentEntry& segment = manifest.segments[i];
    if (segment.epoch == 0 || segment.epoch > manifest.epoch || segment.number >= manifest.next_file ||
        !numbers.insert(segment.number).second || !betweenRecords(segment.start) ||
        (segment.end && (*segment.end < segment.start || !betweenRecords(*segment.end)))) {
      return "a segment's numbers are out of range";
    }
    if (i + 1 == manifest.segments.size()) {
      continue;
    }
    const Lsn next = manifest.segments[i + 1].start;
    const bool cut_below_checkpoint = manifest.base && next == manifest.base->needs && segment.end < next;
    if (!segment.end || (segment.end != next && !cut_below_checkpoint)) {
      return "the segments leave a gap";
    }
  }
  const SegmentEntry& last = manifest.segments.back();
  if (manifest.synced < last.start || (last.end && manifest.synced > *last.end)) {
    return "the synced mark does not lie in the last segment";
  }
  if (manifest.base && (manifest.base->number >= manifest.next_file || !betweenRecords(manifest.base->start) ||
                        manifest.base->start > manifest.base->needs || manifest.base->needs > manifest.synced ||
                        manifest.base->start < manifest.segments.front().start)) {
    return "the checkpoint does not fit the log";
  }
  if (!manifest.base && manifest.segments.front().start != kFirstLsn) {
    return "the log's beginning is missing and there is no checkpoint";
  }
  return nullptr;
}

}  // namespace

std::string pathIn(const std::string& directory, const std::string& name) {
  return directory + "/" + name;
}

std::string manifestPath(const std::string& directory) {
  return directory + "/MANIFEST";
}
std::string lockPath(const std::string& directory) {
  return directory + "/LOCK";
}
std::string segmentName(std::uint64_t number) {
  return "log-" + std::to_string(number) + ".tfl";
}
std::string baseName(std::uint64_t number) {
  return "base-" + std::to_string(number) + ".tfs";
}

std::optional<std::uint64_t> segmentNumber(const std::string& name) {
  std::uint64_t number = 0;
  return parseFileNumber(name, "log-", ".tfl", number) && name == segmentName(number) ? std::optional(number) : std::nullopt;
}
bool isSegmentName(const std::string& name) {
  return segmentNumber(name).has_value();
}
bool isBaseName(const std::string& name) {
  std::uint64_t number = 0;
  return parseFileNumber(name, "base-", ".tfs", number) && name == baseName(number);
}

Error damageIn(const std::string& directory, std::string what) {
  return Error(ErrorCode::kCorruption, std::move(what))
      .withHint("run 'trefoil check " + directory + "': it explains the damage and what a repair would lose");
}
Error unknownFormat(const std::string& what) {
  return Error(ErrorCode::kUnsupported, what + " is not known to this program")
      .withHint("it was written by a newer version of trefoil: open the directory with that one");
}

std::string Manifest::encode() const {
  std::string text(kFirstLine);
  text += "\nepoch " + std::to_string(epoch);
  text += "\nnext_file " + std::to_string(next_file);
  text += "\nnext_unit " + std::to_string(next_unit);
  text += "\nhash_seed " + hex(hash_seed, 16);
  if (base) {
    text +=
        "\nbase " + baseName(base->number) + " start " + std::to_string(base->start) + " needs " + std::to_string(base->needs);
  }
  text += "\nsynced " + std::to_string(synced);
  for (const SegmentEntry& segment : segments) {
    text += "\nsegment " + segmentName(segment.number) + " epoch " + std::to_string(segment.epoch) + " start " +
            std::to_string(segment.start) + " end " + (segment.end ? std::to_string(*segment.end) : "-");
  }
  for (const auto& [name, value] : properties) {
    text += "\nproperty " + name + " " + hexBytes(value);
  }
  text += "\n";
  return text + "crc " + hex(crc32c(text), 8) + "\n";
}

Result<Manifest> Manifest::decode(std::string_view text, const std::string& path) {
  const auto corrupt = [&](const std::string& what) {
    return Error(ErrorCode::kCorruption, "'" + path + "' is damaged: " + what);
  };
  const std::size_t crc_at = text.rfind("\ncrc ");
  if (crc_at == std::string_view::npos || !text.ends_with('\n')) {
    return corrupt("its last line, the checksum, is missing");
  }
  const std::string_view covered = text.substr(0, crc_at + 1);
  std::string_view crc_text = text.substr(crc_at + 5);
  crc_text.remove_suffix(1);
  const std::string computed = hex(crc32c(covered), 8);
  if (crc_text != computed) {
    return corrupt("checksum mismatch: stored '" + std::string(crc_text.substr(0, 16)) + "', computed '" + computed + "'");
  }
  if (const std::string_view first = covered.substr(0, covered.find('\n')); first != kFirstLine && first.starts_with(kMagic)) {
    return unknownFormat("'" + path + "': manifest format version " + std::string(first.substr(kMagic.size(), 16)));
  }
  Manifest manifest;
  std::size_t line_number = 0;
  for (std::string_view rest = covered; !rest.empty();) {
    const std::size_t newline = rest.find('\n');
    const std::string_view line = rest.substr(0, newline);
    rest.remove_prefix(newline + 1);
    ++line_number;
    if (line_number == 1 ? line != kFirstLine : !parseLine(line, manifest)) {
      return corrupt("line " + std::to_string(line_number) + " is not understood");
    }
  }
  if (const char* why = inconsistency(manifest); why != nullptr) {
    return corrupt(why);
  }
  if (manifest.encode() != text) {
    return corrupt("its lines are not those that a manifest of this content has");
  }
  return manifest;
}

Result<Manifest> ManifestStore::read(Env& env, const std::string& directory) {
  const std::string path = manifestPath(directory);
  TREFOIL_ASSIGN(const std::unique_ptr<File> file, env.open(path, Env::OpenMode::kRead));
  TREFOIL_ASSIGN(const std::uint64_t size, file->size());
  if (size > kMaxManifestBytes) {
    return damageIn(directory, "'" + path + "' is damaged: " + std::to_string(size) + " bytes are too many");
  }
  std::string text(size, '\0');
  TREFOIL_ASSIGN(const std::size_t got, file->read(0, text));
  text.resize(got);
  Result<Manifest> manifest = Manifest::decode(text, path);
  if (!manifest.ok() && manifest.error().code == ErrorCode::kCorruption) {
    return damageIn(directory, std::move(manifest).error().message);
  }
  return manifest;
}

Manifest ManifestStore::current() const {
  const std::lock_guard lock(mutex_);
  return manifest_;
}

std::uint64_t ManifestStore::takeFileNumber() {
  const std::lock_guard lock(mutex_);
  return manifest_.next_file++;
}

Status ManifestStore::update(const std::function<void(Manifest&)>& change) {
  const std::lock_guard updating(update_mutex_);
  Manifest next = current();
  change(next);
  const std::string text = next.encode();
  const std::string path = manifestPath(directory_);
  if (text.size() > kMaxManifestBytes) {
    return Error(ErrorCode::kLimit, "'" + path + "' would become too large: " + std::to_string(text.size()) + " bytes");
  }
  TREFOIL_ASSERT(Manifest::decode(text, path).ok());
  const std::string temporary = path + ".tmp";
  {
    TREFOIL_ASSIGN(const std::unique_ptr<File> file, env_.open(temporary, Env::OpenMode::kReplace));
    TREFOIL_TRY(file->write(0, text));
    TREFOIL_TRY(file->sync());
  }
  TREFOIL_TRY(env_.rename(temporary, path));
  TREFOIL_TRY(env_.syncDirectory(directory_));
  const std::lock_guard lock(mutex_);
  next.next_file = std::max(next.next_file, manifest_.next_file);  // takeFileNumber() may have gone on meanwhile
  manifest_ = std::move(next);
  return {};
}

}  // namespace trefoil::aof
