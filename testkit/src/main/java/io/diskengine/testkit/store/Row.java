package io.diskengine.testkit.store;

import java.lang.reflect.RecordComponent;
import org.jspecify.annotations.Nullable;

/** Copies of records with some components changed. */
final class Row {
  private Row() {}

  /**
   * @param changes names and values, alternating
   */
  static <T extends Record> T with(T row, @Nullable Object... changes) {
    try {
      @SuppressWarnings("unchecked") // the class of a T
      Class<T> type = (Class<T>) row.getClass();
      RecordComponent[] components = type.getRecordComponents();
      Class<?>[] types = new Class<?>[components.length];
      @Nullable Object[] values = new @Nullable Object[components.length];
      int used = 0;
      for (int i = 0; i < components.length; i++) {
        types[i] = components[i].getType();
        values[i] = components[i].getAccessor().invoke(row);
        for (int c = 0; c < changes.length; c += 2) {
          if (components[i].getName().equals(changes[c])) {
            values[i] = changes[c + 1];
            used += 2;
          }
        }
      }
      if (used != changes.length) {
        throw new IllegalArgumentException(type + " lacks one of the components to be changed");
      }
      return type.getDeclaredConstructor(types).newInstance(values);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }
}
