// A graph as bytes and back. Little-endian, in chunks:
//
//   head        "TFHNSW02" | metric u8 | codes u8 | m u16 | ef_construction u16 | zero u16 | dimension u32 | nodes u32 |
//               entry u32 | L2: the codes' origin, dimension float32 | crc32c u32 of all before
//   nodes …     first number u32 | count u32 | count times a node | crc32c u32 of all before
//   a node      row u64 | level u8 | for each level from 0 on: count u8 and so many numbers u32
//               row u64 | ff u8 | number u32           a companion, of that node
//
// Nodes are numbered anew, in the order of their ids, leaving out what the snapshot does not see; the chunks have them in that
// order, as many as fit, so the last number ends the stream. `entry` is the number of a node of the highest level, ffffffff if
// nothing has links. Vectors, slots and codes are not there: the table has the vectors, the codes are made from them again (which
// takes less time than reading them would), and the LSNs are all before the capture.
//
// A link to a node that is left out is replaced by that node's links, where there is room: the way led on there. But if others
// share its place, the first of them is written with its links, and as where links to it lead.
#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "base/parallel.hpp"
#include "vector/hnsw_graph.hpp"

namespace trefoil::vector {

namespace {

static_assert(std::endian::native == std::endian::little, "the format is written as the machine has it");

constexpr std::string_view kMagic = "TFHNSW02";
constexpr std::uint8_t kCompanionLevel = 0xFF;

Error corrupt(const char* what) {
  return Error(ErrorCode::kCorruption, std::string("hnsw index: ") + what);
}

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void seal(std::string& chunk) {
  put(chunk, crc32c(chunk));
}

// Takes values off the front; what is not there reads as zero and is remembered.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      failed_ = true;
      bytes_ = {};
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view take(std::size_t size) {
    failed_ = failed_ || bytes_.size() < size;
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool done() const { return !failed_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

// A chunk without its checksum.
Result<std::string_view> unseal(std::string_view chunk) {
  std::uint32_t checksum = 0;
  if (chunk.size() < sizeof(checksum)) {
    return corrupt("a chunk is cut short");
  }
  const std::string_view bytes = chunk.substr(0, chunk.size() - sizeof(checksum));
  std::memcpy(&checksum, chunk.data() + bytes.size(), sizeof(checksum));
  if (crc32c(bytes) != checksum) {
    return corrupt("a chunk has a wrong checksum");
  }
  return bytes;
}

struct Head {
  HnswOptions options;
  std::uint32_t dimension = 0;
  std::uint32_t nodes = 0;
  std::uint32_t entry = 0;
  std::string_view origin;  // bytes of dimension floats, or none
};

Result<Head> parseHead(std::string_view chunk) {
  TREFOIL_ASSIGN(const std::string_view bytes, unseal(chunk));
  Reader reader(bytes);
  if (reader.take(kMagic.size()) != kMagic) {
    return corrupt("not the head of an index, or of another version");
  }
  Head head;
  const auto metric = reader.take<std::uint8_t>();
  const auto codes = reader.take<std::uint8_t>();
  head.options.m = reader.take<std::uint16_t>();
  head.options.ef_construction = reader.take<std::uint16_t>();
  const auto zero = reader.take<std::uint16_t>();
  head.dimension = reader.take<std::uint32_t>();
  head.nodes = reader.take<std::uint32_t>();
  head.entry = reader.take<std::uint32_t>();
  head.options.metric = static_cast<Metric>(metric);
  head.options.codes = static_cast<HnswCodes>(codes);
  if (reader.failed() || metric > static_cast<std::uint8_t>(Metric::kInnerProduct) || codes == 0 ||
      codes > static_cast<std::uint8_t>(HnswCodes::kFloat32) || zero != 0 || !checkHnswOptions(head.options).ok() ||
      head.dimension == 0 || head.dimension > kMaxDimension || head.nodes >= kMaxNodes ||
      (head.entry != kNoNode && head.entry >= head.nodes)) {
    return corrupt("the head is out of range");
  }
  if (head.options.metric == Metric::kL2) {
    head.origin = reader.take(head.dimension * sizeof(float));
  }
  if (!reader.done()) {
    return corrupt("the head has a wrong length");
  }
  return head;
}

}  // namespace

Status HnswGraph::write(Lsn snapshot, const HnswIndex::ChunkSink& sink) const {
  // Keeps ids from being given out again meanwhile.
  const ScratchPool::Borrowed scratch = scratches_.acquire();
  const NodeId high_water = nodes_.highWater();
  const auto is_captured = [&](NodeId node) {
    return nodes_.isEntry(node) && nodes_.entry(node).born < snapshot && snapshot <= nodes_.died(node);
  };
  std::vector<NodeId> numbers(high_water, kNoNode);
  NodeId count = 0;
  std::vector<NodeId> leader(high_water, kNoNode);  // whose companion a captured node is
  std::vector<NodeId> source(high_water, kNoNode);  // whose links another is written with
  std::vector<NodeId> targets;                      // the number that a link to a node leads to
  EntryPoint entry{kNoNode, 0};
  {
    const std::scoped_lock lock(purge_mutex_);  // whoever vacates places moves chains
    for (NodeId node = 0; node < high_water; ++node) {
      if (is_captured(node)) {
        source[node] = node;
        numbers[node] = count++;
      }
    }
    targets = numbers;
    for (NodeId node = 0; node < high_water; ++node) {
      if (nodes_.state(node) == NodeState::kFree || nodes_.isCompanion(node)) {
        continue;
      }
      NodeId first = numbers[node] == kNoNode ? kNoNode : node;
      forEachCompanion(node, [&](NodeId companion) {
        if (companion < high_water && numbers[companion] != kNoNode) {
          first = first == kNoNode ? companion : first;
          leader[companion] = first == companion ? kNoNode : first;
          targets[companion] = kNoNode;
        }
        return true;
      });
      if (first == kNoNode) {
        continue;
      }
      source[first] = node;
      targets[node] = numbers[first];
      if (nodes_.isPlaced(node) && (entry.node == kNoNode || nodes_.level(node) > entry.level)) {
        entry = {numbers[first], nodes_.level(node)};
      }
    }
  }

  std::string chunk(kMagic);
  put(chunk, static_cast<std::uint8_t>(options_.metric));
  put(chunk, static_cast<std::uint8_t>(options_.codes));
  put(chunk, static_cast<std::uint16_t>(options_.m));
  put(chunk, static_cast<std::uint16_t>(options_.ef_construction));
  put(chunk, std::uint16_t{0});
  put(chunk, static_cast<std::uint32_t>(arena_->dimension()));
  put(chunk, count);
  put(chunk, entry.node);
  for (const float value : codes_.origin()) {
    put(chunk, value);
  }
  seal(chunk);
  TREFOIL_TRY(sink(chunk));

  const auto begin = [&](NodeId first) {
    chunk.clear();
    put(chunk, first);
    put(chunk, std::uint32_t{0});
  };
  const auto end = [&](NodeId next) {
    NodeId first = 0;
    std::memcpy(&first, chunk.data(), sizeof(first));
    const std::uint32_t size = next - first;
    std::memcpy(chunk.data() + sizeof(first), &size, sizeof(size));
    seal(chunk);
    return sink(chunk);
  };
  // The largest node: all levels full.
  const std::size_t most = sizeof(std::uint64_t) + 1 + (kMaxLevel + 1) * (1 + nodes_.capacity(0) * sizeof(NodeId));
  begin(0);
  for (NodeId node = 0; node < high_water; ++node) {
    if (numbers[node] == kNoNode) {
      continue;
    }
    if (chunk.size() + most + sizeof(std::uint32_t) > HnswIndex::kMaxChunkBytes) {
      TREFOIL_TRY(end(numbers[node]));
      begin(numbers[node]);
    }
    put(chunk, nodes_.entry(node).row);
    const NodeId place = source[node];
    if (leader[node] != kNoNode) {
      put(chunk, kCompanionLevel);
      put(chunk, numbers[leader[node]]);
      continue;
    }
    put(chunk, static_cast<std::uint8_t>(nodes_.level(place)));
    for (std::size_t level = 0; level <= nodes_.level(place); ++level) {
      const std::vector<NodeId>& links = capturedLinks(*scratch, place, level, targets);
      put(chunk, static_cast<std::uint8_t>(links.size()));
      for (const NodeId link : links) {
        put(chunk, link);
      }
    }
  }
  return end(count);
}

// The numbers of a node's neighbours, with those left out replaced by theirs; in scratch.chosen.
const std::vector<NodeId>& HnswGraph::capturedLinks(Scratch& scratch, NodeId node, std::size_t level,
                                                    std::span<const NodeId> numbers) const {
  std::vector<NodeId>& links = scratch.chosen;
  links.clear();
  const auto add = [&](NodeId neighbour) {
    const NodeId number = neighbour < numbers.size() ? numbers[neighbour] : kNoNode;
    if (number != kNoNode && number != numbers[node] && links.size() < nodes_.capacity(level) &&
        std::find(links.begin(), links.end(), number) == links.end()) {
      links.push_back(number);
    }
  };
  NodeId* const mine = scratch.nodes.data();
  NodeId* const theirs = mine + nodes_.mostRead(level);
  const std::size_t count = nodes_.readLinks(node, level, mine);
  std::for_each(mine, mine + count, add);
  for (std::size_t i = 0; i < count; ++i) {
    if (mine[i] >= numbers.size() || numbers[mine[i]] == kNoNode) {
      std::for_each(theirs, theirs + nodes_.readLinks(mine[i], level, theirs), add);
    }
  }
  return links;
}

Result<HnswOptions> HnswGraph::readOptions(std::string_view head_chunk, std::size_t dimension) {
  TREFOIL_ASSIGN(const Head head, parseHead(head_chunk));
  if (head.dimension != dimension) {
    return corrupt("the column has another dimension");
  }
  return head.options;
}

Status HnswGraph::read(std::string_view head_chunk, const HnswIndex::ChunkSource& source,
                       const std::function<Slot(std::uint64_t row)>& slot_of) {
  TREFOIL_ASSIGN(const Head head, parseHead(head_chunk));
  if (options_.metric == Metric::kL2) {
    std::vector<float> origin(head.dimension);
    std::memcpy(origin.data(), head.origin.data(), head.origin.size());
    if (!checkElements(origin).ok()) {
      return corrupt("the origin is no vector");
    }
    std::call_once(frame_once_, [&] { codes_.setOrigin(origin); });
  }
  const NodeId count = head.nodes;
  const NodeId entry_node = head.entry;
  bool any_links = false;
  std::vector<NodeId> list;
  struct Companion {
    NodeId node;
    NodeId place;
  };
  std::vector<Companion> companions;
  do {
    TREFOIL_ASSIGN(const std::string_view chunk, source());
    TREFOIL_ASSIGN(const std::string_view bytes, unseal(chunk));
    Reader reader(bytes);
    const auto first = reader.take<std::uint32_t>();
    const auto size = reader.take<std::uint32_t>();
    if (first != nodes_.highWater() || size > count - first || (size == 0 && count != 0)) {
      return corrupt("chunks do not follow each other");
    }
    for (std::uint32_t i = 0; i < size && !reader.failed(); ++i) {
      const auto row = reader.take<std::uint64_t>();
      const auto level = reader.take<std::uint8_t>();
      if (level > kMaxLevel && level != kCompanionLevel) {
        return corrupt("a node has too high a level");
      }
      const NodeId node = nodes_.takeWithLevel(level == kCompanionLevel ? 0 : level);
      nodes_.entry(node) = {row, 0, kNotDied, kNoSlot, kNoNode};
      if (level == kCompanionLevel) {
        companions.push_back({node, reader.take<NodeId>()});
        continue;
      }
      for (std::size_t l = 0; l <= level; ++l) {
        const auto links = reader.take<std::uint8_t>();
        if (links > nodes_.capacity(l)) {
          return corrupt("a node has too many links");
        }
        list.clear();
        for (std::size_t k = 0; k < links; ++k) {
          const auto link = reader.take<NodeId>();
          if (link >= count || link == node || std::find(list.begin(), list.end(), link) != list.end()) {
            return corrupt("a link leads nowhere");
          }
          list.push_back(link);
        }
        nodes_.writeLinks(node, l, list);
        any_links = any_links || links > 0;
      }
    }
    if (!reader.done()) {
      return corrupt("a chunk has a wrong length");
    }
  } while (nodes_.highWater() < count);
  if (any_links && entry_node == kNoNode) {
    return corrupt("links without an entry point");
  }

  // Codes from the vectors, on all threads; then what could not be checked before all nodes were there.
  constexpr NodeId kBlock = 1024;
  std::atomic<const char*> trouble{nullptr};
  parallelFor((count + kBlock - 1) / kBlock, [&](std::size_t block, std::size_t /*worker*/) {
    const ScratchPool::Borrowed scratch = scratches_.acquire();
    const auto begin = static_cast<NodeId>(block * kBlock);
    for (NodeId node = begin; node < std::min(count, begin + kBlock); ++node) {
      HnswNodes::Entry& entry = nodes_.entry(node);
      entry.slot = slot_of(entry.row);
      if (entry.slot == kNoSlot) {
        trouble.store("a row is not in the table");
        return;
      }
      nodes_.setEncoded(node, codes_.encode(arena_->at(entry.slot), nodes_.code(node), scratch->query));
    }
  });
  if (const char* const what = trouble.load()) {
    return corrupt(what);
  }
  if (options_.metric == Metric::kInnerProduct && count > 0) {
    std::call_once(frame_once_, [&] {
      float longest = 0;
      for (NodeId node = 0; node < count; ++node) {
        longest = std::max(longest, nodes_.length(node));
      }
      codes_.setLongest(kLongestToCome * longest);
    });
  }
  for (const Companion& companion : companions) {
    nodes_.setCompanion(companion.node, true);
  }
  for (const auto& [node, place] : companions) {
    if (place >= count || nodes_.isCompanion(place) || !nodes_.isSameCode(node, place)) {
      return corrupt("a companion of nobody");
    }
    nodes_.setNext(node, nodes_.next(place));
    nodes_.setNext(place, node);
  }
  companions_.store(companions.size(), std::memory_order_relaxed);
  for (NodeId node = 0; node < count; ++node) {
    bool on_their_level = true;
    bool have_places = true;
    for (std::size_t level = 0; level <= nodes_.level(node); ++level) {
      nodes_.forEachLink(node, level, [&](NodeId link) {
        on_their_level = on_their_level && nodes_.level(link) >= level;
        have_places = have_places && !nodes_.isCompanion(link);
      });
    }
    if (!have_places || (node == entry_node && nodes_.isCompanion(node))) {
      return corrupt("a companion has a place in the graph");
    }
    if (!on_their_level) {
      return corrupt("a link leads to a node that is not on its level");
    }
    HnswNodes::Entry& entry = nodes_.entry(node);
    bool known = false;
    nodes_.withRow(entry.row, [&](NodeId& newest) {
      known = newest != kNoNode;
      newest = node;
    });
    if (known) {
      return corrupt("a row occurs twice");
    }
    nodes_.setPlaced(node, options_.metric != Metric::kCosine || arena_->squaredNorm(entry.slot) > 0);
    const bool shares = nodes_.isCompanion(node) || nodes_.next(node) != kNoNode;
    if (!nodes_.isPlaced(node) && (nodes_.hasLinks(node) || node == entry_node || shares)) {
      return corrupt("a zero vector has a place in the graph");
    }
    if (nodes_.isPlaced(node) && !nodes_.isCompanion(node)) {
      nodes_.withPlace(node, [&](NodeId& place) { place = place == kNoNode ? node : place; });
    }
    nodes_.publish(node);
  }
  live_.store(count, std::memory_order_relaxed);
  if (entry_node != kNoNode) {
    for (NodeId node = 0; node < count; ++node) {
      if (nodes_.level(node) > nodes_.level(entry_node) && nodes_.hasLinks(node)) {
        return corrupt("the entry point is not on the highest level");
      }
    }
    setEntryPoint({entry_node, nodes_.level(entry_node)});
  }
  return {};
}

}  // namespace trefoil::vector
