/** The assembled data plane: what the {@code engine} command runs. */
@org.jspecify.annotations.NullMarked
package io.diskengine.engine;
