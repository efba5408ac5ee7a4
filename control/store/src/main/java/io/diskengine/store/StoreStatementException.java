package io.diskengine.store;

import java.sql.SQLException;

/** PostgreSQL refused a statement as such: a constraint, a guard of the schema, or a bug. */
final class StoreStatementException extends RuntimeException {
  private static final long serialVersionUID = 1;
  private static final String UNIQUE_VIOLATION = "23505";
  private static final String DIVISION_BY_ZERO = "22012";
  private static final String GUARD = "DE001";

  private final String sqlState;

  StoreStatementException(String sqlState, SQLException cause) {
    super(sqlState + ": " + cause.getMessage(), cause);
    this.sqlState = sqlState;
  }

  boolean isUniqueViolation() {
    return sqlState.equals(UNIQUE_VIOLATION);
  }

  boolean isDivisionByZero() {
    return sqlState.equals(DIVISION_BY_ZERO);
  }

  /** Constraint violations (class 23) and the schema's own guards. */
  boolean isRefusal() {
    return sqlState.startsWith("23") || sqlState.equals(GUARD);
  }

  /** The server's first line, without position and context. */
  String reason() {
    String message = String.valueOf(getCause() == null ? getMessage() : getCause().getMessage());
    return message.lines().findFirst().orElse(message).replaceFirst("^ERROR: ", "");
  }
}
