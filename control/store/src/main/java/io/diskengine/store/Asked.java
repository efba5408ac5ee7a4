package io.diskengine.store;

import io.diskengine.store.Tx.Statement;
import java.util.List;

/** What users asked for, as history for people. */
final class Asked {
  private Asked() {}

  static Statement<Void> event(long volumeId, String volumeName, String message) {
    return events(List.of(volumeId), List.of(volumeName), List.of(message));
  }

  static Statement<Void> events(
      List<Long> volumeIds, List<String> volumeNames, List<String> messages) {
    return Statement.of(
        "INSERT INTO event (severity, object_kind, object_id, object_name, message)"
            + " SELECT 'INFO', 'VOLUME', e.*"
            + " FROM unnest(?::bigint[], ?::text[], ?::text[]) AS e",
        volumeIds,
        volumeNames,
        messages);
  }
}
