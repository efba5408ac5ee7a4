package io.diskengine.store;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Statements on one connection, counted. Parameters: numbers, text, enums, uuids, instants, lists.
 *
 * <p>A transaction costs no round trip of its own: what begins it goes with the first statements,
 * and what ends it with those of {@link #last}.
 */
final class Tx {
  private static final Statement<Void> COMMIT = Statement.of("COMMIT");

  private final Connection connection;
  private final StoreCounters counters;

  /** What is still to be sent before the first statement; null when nothing is. */
  private @Nullable Statement<Void> begin;

  private boolean open;

  /** Reads the current row. */
  interface Row<T> {
    T read(ResultSet r) throws SQLException;
  }

  /** A statement with what it needs and the reader of its rows. */
  record Statement<T>(Row<T> row, String sql, List<@Nullable Object> parameters) {
    static <T> Statement<T> of(Row<T> row, String sql, @Nullable Object... parameters) {
      return new Statement<>(row, sql, Arrays.asList(parameters));
    }

    /** One that answers no rows. */
    static Statement<Void> of(String sql, @Nullable Object... parameters) {
      return of(
          r -> {
            throw new IllegalStateException("rows of: " + sql);
          },
          sql,
          parameters);
    }
  }

  /** What statements answered in one round trip. */
  static final class Results {
    private final Map<Statement<?>, List<?>> rows = new IdentityHashMap<>();
    private final Map<Statement<?>, Integer> updated = new IdentityHashMap<>();

    /** How many rows a statement that answers none has changed. */
    int updated(Statement<?> statement) {
      return updated.getOrDefault(statement, 0);
    }

    @SuppressWarnings("unchecked") // the statement's own reader made them
    <T> List<T> of(Statement<T> statement) {
      return (List<T>) rows.getOrDefault(statement, List.of());
    }
  }

  /**
   * @param begin begins the transaction that all statements belong to; null when each is its own
   */
  Tx(Connection connection, StoreCounters counters, @Nullable String begin) {
    this.connection = connection;
    this.counters = counters;
    this.begin = begin == null ? null : Statement.of(begin);
  }

  /** Whether a transaction was begun and not ended. */
  boolean isOpen() {
    return open;
  }

  int update(String sql, @Nullable Object... parameters) throws SQLException {
    Statement<Void> statement = Statement.of(sql, parameters);
    return all(List.of(statement)).updated(statement);
  }

  <T> List<T> query(Row<T> row, String sql, @Nullable Object... parameters) throws SQLException {
    Statement<T> statement = Statement.of(row, sql, parameters);
    return all(List.of(statement)).of(statement);
  }

  <T> Optional<T> first(Row<T> row, String sql, @Nullable Object... parameters)
      throws SQLException {
    return query(row, sql, parameters).stream().findFirst();
  }

  /** For statements that return exactly one number. */
  long number(String sql, @Nullable Object... parameters) throws SQLException {
    return query(r -> r.getLong(1), sql, parameters).getFirst();
  }

  String setting(String name) throws SQLException {
    return query(r -> r.getString(1), "SELECT current_setting(?)", name).getFirst();
  }

  /** Several statements, one round trip. Each sees what those before it did. */
  Results all(List<Statement<?>> statements) throws SQLException {
    Statement<Void> first = begin;
    if (first == null) {
      return send(statements);
    }
    begin = null;
    open = true;
    List<Statement<?>> framed = new ArrayList<>(List.of(first));
    framed.addAll(statements);
    return send(framed);
  }

  /**
   * The last statements: when they have ended without an error, all is committed, and what is sent
   * after them belongs to no transaction.
   */
  Results last(List<Statement<?>> statements) throws SQLException {
    List<Statement<?>> framed = new ArrayList<>(statements);
    framed.add(COMMIT);
    Results results = all(framed);
    open = false;
    return results;
  }

  /** Commits, unless {@link #last} did. Answers whether there was a transaction at all. */
  boolean commit() throws SQLException {
    if (open) {
      send(List.of(COMMIT));
      open = false;
    }
    return begin == null;
  }

  private Results send(List<Statement<?>> statements) throws SQLException {
    Results results = new Results();
    counters.statements.add(statements.size());
    String sql = String.join(";\n", statements.stream().map(Statement::sql).toList());
    List<@Nullable Object> parameters = new ArrayList<>();
    statements.forEach(s -> parameters.addAll(s.parameters()));
    try (PreparedStatement s = connection.prepareStatement(sql)) {
      for (int i = 0; i < parameters.size(); i++) {
        bind(s, i + 1, parameters.get(i));
      }
      boolean hasRows = s.execute();
      for (Statement<?> statement : statements) {
        if (hasRows) {
          try (ResultSet r = s.getResultSet()) {
            results.rows.put(statement, rows(statement.row(), r));
          }
        } else {
          results.updated.put(statement, s.getUpdateCount());
        }
        hasRows = s.getMoreResults();
      }
    }
    return results;
  }

  private <T> List<T> rows(Row<T> row, ResultSet r) throws SQLException {
    List<T> rows = new ArrayList<>();
    while (r.next()) {
      rows.add(row.read(r));
    }
    counters.rows.add(rows.size());
    return rows;
  }

  private void bind(PreparedStatement s, int index, @Nullable Object value) throws SQLException {
    switch (value) {
      case null -> s.setNull(index, Types.NULL);
      case Enum<?> e -> s.setString(index, e.name());
      case Instant at -> s.setObject(index, at.atOffset(ZoneOffset.UTC));
      case List<?> list ->
          s.setArray(index, connection.createArrayOf(arrayType(list), texts(list)));
      default -> s.setObject(index, value);
    }
  }

  private static String arrayType(List<?> list) {
    for (Object element : list) {
      if (element != null) {
        return switch (element) {
          case Long l -> "bigint";
          case Integer i -> "integer";
          case Instant at -> "timestamptz";
          case UUID uuid -> "uuid";
          case Boolean flag -> "boolean";
          default -> "text";
        };
      }
    }
    return "text";
  }

  private static @Nullable Object[] texts(List<?> list) {
    @Nullable Object[] elements = new Object[list.size()];
    for (int i = 0; i < elements.length; i++) {
      Object element = list.get(i);
      elements[i] =
          element == null || element instanceof Long || element instanceof Integer
              ? element
              : element.toString();
    }
    return elements;
  }
}
