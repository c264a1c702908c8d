#include "storage/lmdb_groups.hpp"

namespace corestore::storage {

using schema::table;

result<void> lmdb_groups::move(core_record& record, const std::optional<hash32>& topic) {
  if (record.group && topic == record.group->topic)
    return {};
  auto step = unlist(record);
  record.group.reset();
  if (topic) {
    record.group = group_place{*topic, 0};
    is_used_ = true;
  }
  return step;
}

result<void> lmdb_groups::touch(log::core_number number, core_record& record) {
  if (!record.group)
    return {};
  if (auto step = unlist(record); !step)
    return step;
  record.group->position = last_ = next_position(last_, clock_);
  return txn_.put(table::groups, schema::encode_group_key(record.group->topic, record.group->position),
                  encode_number(static_cast<std::uint32_t>(number)));
}

result<void> lmdb_groups::unlist(core_record& record) {
  if (!record.group || record.group->position == 0)
    return {};
  auto key = schema::encode_group_key(record.group->topic, record.group->position);
  return txn_.erase(table::groups, key).map([](bool) {});
}

} // namespace corestore::storage
