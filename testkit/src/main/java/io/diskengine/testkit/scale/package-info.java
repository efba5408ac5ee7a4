/** Systems of many objects that were not made one by one. */
@org.jspecify.annotations.NullMarked
package io.diskengine.testkit.scale;
