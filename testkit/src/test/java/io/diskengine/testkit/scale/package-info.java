@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.scale;
